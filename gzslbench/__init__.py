"""gzslbench: one protocol, one clock and one set of seeds for generalized zero-shot learning."""

__version__ = "0.1.0"
