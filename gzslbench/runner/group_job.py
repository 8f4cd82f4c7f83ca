"""From a planned group to a job: index arrays and semantics, with every test label left out."""

from __future__ import annotations

import numpy as np

from gzslbench.contract.dataset import DataSet, Split
from gzslbench.contract.info import Need
from gzslbench.contract.protocol import Protocol
from gzslbench.contract.random_streams import stream
from gzslbench.data.cache import Cache
from gzslbench.data.entry import mapped_file
from gzslbench.data.scaling import scaled_file
from gzslbench.data.splits import validation_split
from gzslbench.evaluation.job import CellJob, Fold, GroupJob, TestSet, Validation
from gzslbench.runner.plan import PlannedGroup
from gzslbench.runner.request import Request


def make_job(group: PlannedGroup, request: Request, cache: Cache | None = None) -> GroupJob:
    """Write down what a worker needs to train and predict a group's cells; ``cache`` keeps what groups can share."""
    data_set, split, protocol = group.task.data_set, group.task.split, group.protocol
    return GroupJob(
        features=mapped_file(data_set.features) or np.asarray(data_set.features),
        features_hash=data_set.fingerprint["features"],
        data_set=data_set.name,
        split=split.name,
        protocol=protocol,
        seed=group.seed,
        cells=tuple(CellJob(index, cell.setups, cell.key.seed) for index, cell in enumerate(group.cells)),
        fold=_fold(data_set, split, protocol, cache),
        validations={seed: _validation(group, seed, cache) for seed in _validating_seeds(group)},
        early_test_set=make_test_set(data_set, split) if Need.TEST_FEATURES in protocol.reveals else None,
        device=request.device,
        precision=request.precision,
        threads=request.threads,
        jobs=request.jobs or 1,
        keep_scores=request.keep_scores,
        keep_samples=request.keep_samples,
    )


def make_test_set(data_set: DataSet, split: Split) -> TestSet:
    """Gather what is handed out at test time; shuffled, so that the order of samples tells no domain."""
    samples = np.concatenate([split.test_seen, split.test_unseen])
    shuffle = np.random.default_rng(stream(0, "exam", split.fingerprint))  # a word that decides the order for ever
    return TestSet(shuffle.permutation(samples), data_set.semantics[split.unseen_classes])


def _fold(data_set: DataSet, split: Split, protocol: Protocol, cache: Cache | None) -> Fold:
    unseen = data_set.semantics[split.unseen_classes]
    fingerprint = data_set.fingerprint["features"]
    scaled = scaled_file(data_set.features, fingerprint, split.trainval, cache) if cache else None
    return Fold(
        train=split.trainval,
        labels=np.searchsorted(split.seen_classes, data_set.labels[split.trainval]),
        seen_rows=split.seen_classes,
        unseen_rows=split.unseen_classes,
        seen_semantics=data_set.semantics[split.seen_classes],
        unseen_semantics=unseen if Need.UNSEEN_SEMANTICS in protocol.reveals else None,
        scaled=scaled,
    )


def _validating_seeds(group: PlannedGroup) -> list[int]:
    """List the seeds of which a cell needs the validation fold; that of the group where only its protocol is known."""
    asking = dict.fromkeys(cell.key.seed for cell in group.cells if cell.validates)
    return list(asking) or ([group.seed] if group.protocol.validates and not group.cells else [])


def _validation(group: PlannedGroup, seed: int, cache: Cache | None) -> Validation:
    data_set = group.task.data_set
    split = validation_split(data_set, group.task.split, seed)
    test_set = make_test_set(data_set, split)
    return Validation(_fold(data_set, split, group.protocol, cache), test_set, data_set.labels[test_set.samples])
