"""Where data sources written for gzslbench 0.1 import these from; today all of them are in ``gzslbench.contract``."""

from gzslbench.contract.dataset import DataSet, Provenance, Split

__all__ = ["DataSet", "Provenance", "Split"]
