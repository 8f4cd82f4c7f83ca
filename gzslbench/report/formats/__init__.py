"""Tables for a terminal, markdown, LaTeX, and other programs."""
