"""Several seeds in one group, from the job to the records."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gzslbench.evaluation.job import GroupJob
from gzslbench.evaluation.run_group import run_group

TRAINED = """
from collections.abc import Iterator
from gzslbench.contract import *
from gzslbench.training import Adam, Descent, Trained, Training, random_rows
import torch

calls = []

class Regressed(Trained, Generator):
    info = Info("regressed", makes=(Makes.SYNTHETIC,))
    from dataclasses import make_dataclass
    Config = make_dataclass("Config", [("per_class", int, 10), ("fail_on", int, -1)], frozen=True)

    def trainings(self, view, ctx):
        self.layer = torch.nn.Linear(view.semantics.shape[1], view.features.shape[1])
        calls.append(ctx.seed)
        def batches():
            rows = random_rows(len(view.labels), 16, ctx)
            yield view.semantics[view.labels[rows]], view.features[rows]
        def loss(a, x):
            return (self.layer(a) - x).square().mean()
        yield Training("means", 60, [Descent(loss, batches, Adam(3e-2), [self.layer])])
        if self.config.fail_on == len(calls):
            raise ValueError("boom")

    def generate(self, semantics, per_class, ctx):
        noise = torch.randn(len(semantics), per_class, self.layer.out_features, generator=ctx.rng)
        return self.layer(semantics)[:, None] + 0.1 * noise

@hookimpl
def gzslbench_generators():
    return [Regressed]
"""


def joined(rehearsal, *combinations: str, seeds: tuple[int, ...] = (0, 1, 2), **options) -> GroupJob:
    """One job with the cells of several seeds, as the sweep makes it."""
    jobs = [rehearsal.jobs(combinations, seed=seed, **options)[0] for seed in seeds]
    cells = [cell for job in jobs for cell in job.cells]
    validations = {seed: each for job in jobs for seed, each in job.validations.items()}
    numbered = tuple(replace(cell, index=index) for index, cell in enumerate(cells))
    return replace(jobs[0], cells=numbered, validations=validations)


def run(rehearsal, job: GroupJob):
    coordinator = rehearsal.coordinator(job)
    run_group(job, coordinator)
    return coordinator


def test_calibrated_cells_of_several_seeds_share_the_batched_training(rehearsal, add_plugin):
    add_plugin(TRAINED)
    name, protocol = "regressed+none+toy-softmax", "inductive,inductive-calibrated"
    coordinator = run(rehearsal, joined(rehearsal, name, protocol=protocol))
    assert sorted(coordinator.results) == [0, 1, 2, 3, 4, 5]
    for seed in (0, 1, 2):
        for index, wanted in rehearsal.run(name, protocol=protocol, seed=seed).results.items():
            result = coordinator.results[2 * seed + index]
            assert result.timings.seeds_together == 3
            np.testing.assert_allclose(result.predictions.log_prior, wanted.predictions.log_prior, atol=1e-3)
            assert (result.predictions.predicted == wanted.predictions.predicted).mean() > 0.95


@pytest.mark.parametrize("generator", ["toy-means", "regressed"])
def test_each_seed_gives_what_it_gives_alone(rehearsal, add_plugin, generator):
    add_plugin(TRAINED)
    combinations = [f"{generator}+none+toy-softmax", f"{generator}+toy-distance+toy-linear"]
    if generator == "regressed":
        combinations = combinations[:1]
    coordinator = run(rehearsal, joined(rehearsal, *combinations))
    assert not coordinator.failures
    alone = [rehearsal.run(*combinations, seed=seed).results for seed in (0, 1, 2)]
    expected = [results[index] for results in alone for index in sorted(results)]
    for index, wanted in enumerate(expected):
        result = coordinator.results[index]
        np.testing.assert_allclose(result.predictions.margin, wanted.predictions.margin, atol=1e-4)
        assert (result.predictions.predicted == wanted.predictions.predicted).mean() > 0.99
        assert result.curves.keys() == wanted.curves.keys()
        together = 3 if generator == "regressed" else 1
        assert (result.timings.seeds_together, wanted.timings.seeds_together) == (together, 1)
    predictions = [coordinator.results[index].predictions.margin for index in range(len(expected))]
    assert not np.array_equal(predictions[0], predictions[len(combinations)])


def test_the_time_of_a_batch_of_seeds_stands_in_each_of_its_records(rehearsal, add_plugin):
    add_plugin(TRAINED)
    coordinator = run(rehearsal, joined(rehearsal, "regressed+none+toy-softmax"))
    assert len({result.timings.fit_generator.wall_s for result in coordinator.results.values()}) == 1


def test_a_seed_at_fault_fails_alone(rehearsal, add_plugin):
    """The third call of all is the third seed's, first in the batch and again when each is fitted alone."""
    add_plugin(TRAINED.replace("self.config.fail_on == len(calls)", "ctx.seed == calls[2]"))
    coordinator = run(rehearsal, joined(rehearsal, "regressed+none+toy-softmax"))
    assert set(coordinator.results) == {0, 1}
    assert "boom" in str(coordinator.failures[2])
    assert {result.timings.seeds_together for result in coordinator.results.values()} == {1}


def test_under_strict_no_seed_sits_its_exam_before_all_have_trained(rehearsal):
    job = joined(rehearsal, "toy-means+toy-distance+toy-linear", protocol="strict")
    coordinator = run(rehearsal, job)
    phases = [phase for _, phase in coordinator.phases]
    assert not coordinator.failures
    assert phases.count("predict") == 3
    assert "fit classifier" not in phases[phases.index("predict") :]
