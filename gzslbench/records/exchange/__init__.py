"""Results on their way between machines: the compact form, merging, and how two places differ."""
