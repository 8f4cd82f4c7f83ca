"""Where data sources written for gzslbench 0.1 import this from; today it is in ``gzslbench.contract``."""

from gzslbench.contract.data_source import DataSource

__all__ = ["DataSource"]
