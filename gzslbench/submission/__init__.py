"""Bundles of results: submit, verify, accept."""
