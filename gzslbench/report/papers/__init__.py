"""What papers report, and how it compares with what was measured."""
