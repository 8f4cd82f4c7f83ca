"""Intervals, ranks and tests on plain arrays: how sure a difference is, and how many methods stand above another."""
