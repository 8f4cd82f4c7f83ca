"""Data sets: readers, cache, audit, import, and the bundled set."""
