"""What a plugin gives to bring its own data set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from gzslbench.contract.info import DataInfo

if TYPE_CHECKING:
    from gzslbench.contract.dataset import DataSet


class DataSource(ABC):
    """A data set that a plugin makes or fetches."""

    info: ClassVar[DataInfo]

    @abstractmethod
    def load(self) -> DataSet:
        """Make the data set; called once, then read from the cache until the plugin's file changes."""
