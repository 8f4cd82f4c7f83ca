"""Figures drawn from records: what the methods' papers show, for any data set, and the seen-unseen curve."""
