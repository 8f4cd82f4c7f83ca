"""The data set that records were made on: its real features, scaled as components saw them, and its labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from gzslbench.contract.dataset import DataSet, Indices, Split
from gzslbench.data.catalogue import Catalogue
from gzslbench.data.scaling import MinMax
from gzslbench.errors import DataError
from gzslbench.report.figures.request import Request
from gzslbench.report.groups import Comparison

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class RecordData:
    """A data set and the split of the records."""

    data_set: DataSet
    split: Split

    def features(self, samples: Indices) -> FloatArray:
        """Give features (n, d), scaled by the range of the training samples."""
        return np.asarray(self._scale(self._rows(samples)).numpy())

    def labels(self, samples: Indices) -> Indices:
        """Give class rows (n,)."""
        return self.data_set.labels[samples]

    def names(self, classes: Indices) -> list[str]:
        return [self.data_set.class_names[row].replace("_", " ") for row in classes]

    def tested(self, classes: Indices) -> Indices:
        """Give those of the classes that have test samples."""
        tests = np.concatenate([self.split.test_seen, self.split.test_unseen])
        return np.intersect1d(classes, self.labels(tests))

    @cached_property
    def _scale(self) -> MinMax:
        return MinMax.fit(self._rows(self.split.trainval))

    def _rows(self, samples: Indices) -> torch.Tensor:
        return torch.from_numpy(np.array(self.data_set.features[samples]))


def open_record_data(request: Request, comparison: Comparison) -> RecordData:
    """Open the data set of a table of records; raises :class:`DataError` where its content is another one by now."""
    catalogue = Catalogue.find(request.data_dirs, cache_dir=request.cache)
    if comparison.data_set not in catalogue.names():
        from gzslbench.registry.hosts import open_plugins  # takes seconds, and few data sets come from a plugin

        sources = {name: entry.data_source for name, entry in open_plugins(request.files).of_kind("data set").items()}
        catalogue = Catalogue.find(request.data_dirs, sources, request.cache)
    data_set = catalogue.open(comparison.data_set, request.cache)
    split = data_set.splits.get(comparison.split)
    found = (data_set.fingerprint["features"], data_set.fingerprint["labels"], split and split.fingerprint)
    if split is None or found != (comparison.features, comparison.labels, comparison.split_hash):
        raise DataError(
            f"data set '{data_set.name}' in {data_set.provenance.location} is not the one of the records",
            "give its folder by --data-dir, or run the methods again",
        )
    return RecordData(data_set, split)
