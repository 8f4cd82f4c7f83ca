"""Under the strict protocol early-GAN trains as if unseen semantics did not exist: spoiling them changes nothing."""

from dataclasses import replace

import numpy as np
import pytest

from gzslbench.contract.protocol import protocol_named
from gzslbench.evaluation.run_group import run_group
from gzslbench.records.answer_key import AnswerKey, Scorer
from gzslbench.registry.combinations import Resolver, of_method
from gzslbench.registry.registry import load_plugins
from gzslbench.registry.settings import parse_assignments
from gzslbench.runner.group_job import make_job, make_test_set
from gzslbench.runner.plan import Scope, Task, make_plan
from gzslbench.runner.request import Request

METHODS = ["early-gan", "early-gan-routing-alone", "early-gan-separation-alone", "early-gan-baseline"]
SMALL = [
    *("early-gan.steps=12", "early-gan.batch_size=8", "early-gan.generator_hidden=8"),
    *("early-gan.critic_hidden=8", "early-gan.score_every=4", "early-gan.score_samples=50"),
    *("early-gan.softmax_epochs=5", "early-gan.proxy_count=40", "entropy.steps=20"),
    *("entropy.hidden=8", "entropy.latent=4", "entropy.batch_size=8"),
]


def results(rehearsal, data_set):
    registry = load_plugins()
    resolver = Resolver(registry, "", parse_assignments(SMALL))
    combinations = [of_method(registry, name) for name in METHODS]
    plan = make_plan(combinations, [Task(data_set, data_set.split())], resolver, Scope([protocol_named("strict")], [0]))
    (group,) = plan.groups
    job = make_job(group, Request(device="cpu", precision="float32", keep_scores=True))
    coordinator = rehearsal.coordinator(job)
    coordinator.expected_test_set = make_test_set(data_set, data_set.split())
    coordinator.scorers = tuple(Scorer(AnswerKey.of(data_set, data_set.split())) for _ in job.cells)
    run_group(job, coordinator)
    assert not coordinator.failures
    return [coordinator.results[cell] for cell in range(len(METHODS))]


def arrays_equal(one, other):
    return one is other is None or np.array_equal(one, other)


@pytest.mark.parametrize("poison", [1e6, -3.0])
def test_poisoned_unseen_semantics_do_not_reach_training(rehearsal, poison):
    clean = rehearsal.data_set
    semantics = np.array(clean.semantics)
    semantics[clean.split().unseen_classes] *= poison
    for one, other in zip(
        results(rehearsal, clean), results(rehearsal, replace(clean, semantics=semantics)), strict=True
    ):
        assert one.curves == other.curves
        assert one.notes == other.notes
        assert arrays_equal(one.predictions.gate_score, other.predictions.gate_score)
        assert np.array_equal(one.predictions.best_seen, other.predictions.best_seen)
        seen = len(clean.split().seen_classes)  # the first columns
        assert np.array_equal(one.predictions.joint[:, :seen], other.predictions.joint[:, :seen])
        assert not np.array_equal(one.predictions.joint[:, seen:], other.predictions.joint[:, seen:])
