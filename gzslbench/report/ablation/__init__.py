"""A method taken apart."""
