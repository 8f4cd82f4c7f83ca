"""What ``gzslbench new`` writes."""
