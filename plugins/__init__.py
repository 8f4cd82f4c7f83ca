"""The methods that come with gzslbench; each registers through the entry points that third parties use."""
