"""Readers of files that come from strangers."""
