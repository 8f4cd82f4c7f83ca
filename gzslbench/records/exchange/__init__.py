"""Results on their way between machines: exports, merging, and how two folders differ."""
