"""From a planned trunk to a job: index arrays and semantics, with every test label left out."""

from __future__ import annotations

import numpy as np

from gzslbench.answers import AnswerKey
from gzslbench.data.cache import Cache, mapped_file
from gzslbench.data.dataset import DataSet, Split
from gzslbench.data.scaled import scaled_file
from gzslbench.data.splits import validation_split
from gzslbench.info import Need
from gzslbench.job import CellJob, Exam, Fold, TrunkJob, Validation
from gzslbench.protocol import Protocol
from gzslbench.runner.plan import PlannedTrunk
from gzslbench.scoring import Scorer
from gzslbench.seeds import stream


def make_job(
    trunk: PlannedTrunk,
    device: str,
    threads: int,
    jobs: int,
    keep_scores: bool,
    precision: str,
    cache: Cache | None = None,
    keep_samples: bool = False,
) -> TrunkJob:
    """Write down what a worker needs to train and predict a trunk's cells; ``cache`` keeps what trunks can share."""
    data_set, split, protocol = trunk.task.data_set, trunk.task.split, trunk.protocol
    return TrunkJob(
        features=mapped_file(data_set.features) or np.asarray(data_set.features),
        data_set=data_set.name,
        split=split.name,
        protocol=protocol,
        seed=trunk.seed,
        cells=tuple(CellJob(index, cell.choices, cell.key.seed) for index, cell in enumerate(trunk.cells)),
        fold=_fold(data_set, split, protocol, cache),
        validation=_validation(trunk, cache) if protocol.selection == "validation classes" else None,
        early_exam=make_exam(data_set, split) if Need.TEST_FEATURES in protocol.reveals else None,
        device=device,
        precision=precision,
        threads=threads,
        jobs=jobs,
        keep_scores=keep_scores,
        keep_samples=keep_samples,
    )


def make_exam(data_set: DataSet, split: Split) -> Exam:
    """Gather what is handed out at test time; shuffled, so that the order of samples tells no domain."""
    samples = np.concatenate([split.test_seen, split.test_unseen])
    shuffle = np.random.default_rng(stream(0, "exam", split.fingerprint))
    return Exam(shuffle.permutation(samples), data_set.semantics[split.unseen_classes])


def make_scorer(data_set: DataSet, split: Split) -> Scorer:
    """Give the test labels to a scorer: nothing else in a run has them."""
    return Scorer(AnswerKey.of(data_set, split))


def _fold(data_set: DataSet, split: Split, protocol: Protocol, cache: Cache | None) -> Fold:
    unseen = data_set.semantics[split.unseen_classes]
    return Fold(
        train=split.trainval,
        labels=np.searchsorted(split.seen_classes, data_set.labels[split.trainval]),
        seen_rows=split.seen_classes,
        unseen_rows=split.unseen_classes,
        seen_semantics=data_set.semantics[split.seen_classes],
        unseen_semantics=unseen if Need.UNSEEN_SEMANTICS in protocol.reveals else None,
        scaled=scaled_file(data_set, split.trainval, cache) if cache else None,
    )


def _validation(trunk: PlannedTrunk, cache: Cache | None) -> Validation:
    data_set = trunk.task.data_set
    split = validation_split(data_set, trunk.task.split, trunk.seed)
    exam = make_exam(data_set, split)
    return Validation(_fold(data_set, split, trunk.protocol, cache), exam, data_set.labels[exam.samples])
