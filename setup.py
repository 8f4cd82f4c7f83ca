"""The packages, found on disk: what lies in ``plugins`` is installed as ``gzslbench_plugins``."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["gzslbench", "gzslbench.*"]),
        "gzslbench_plugins",
        *(f"gzslbench_plugins.{name}" for name in find_packages("plugins")),
    ]
)
