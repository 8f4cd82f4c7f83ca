"""What a node does with a group, on this machine and without a cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gzslbench.contract.info import Distribution
from gzslbench.data import entry, scaling
from gzslbench.data.cache import Cache
from gzslbench.data.scaling import MinMax
from gzslbench.registry.declarations import PluginSource, find_plugins, plugin_file
from gzslbench.registry.source_hash import source_hash
from gzslbench.runner import node
from gzslbench.runner.node import Share, differing, report, versions


@pytest.mark.parametrize(
    ("share", "resources", "groups"),
    [
        (Share(1), {"CPU": 4.0}, 4),
        (Share(2), {"CPU": 5.0, "GPU": 1.0}, 2),
        (Share(1, 0.25), {"CPU": 16.0, "GPU": 2.0}, 8),
        (Share(1, 0.1), {"CPU": 16.0, "GPU": 1.0}, 10),
        (Share(4, 0.25), {"CPU": 16.0, "GPU": 2.0}, 4),
        (Share(1, 1.0), {"CPU": 16.0}, 0),
        (Share(1), {"memory": 1e9}, 0),
    ],
)
def test_a_node_runs_as_many_groups_as_have_room(share, resources, groups):
    assert share.times_in(resources) == groups


def test_a_differing_version_is_named():
    here = versions()
    assert differing(here, here) == ""
    assert (
        differing(here | {"torch": "1.0"}, here) == f"has torch 1.0, not {here['torch']} as where the run was started"
    )


def test_a_machine_without_a_gpu_reports_that(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert not report("cuda").has_device
    told = report("cpu")
    assert told.has_device
    assert told.machine_class.startswith("cpu: ")


def test_a_plugin_that_is_missing_or_another_one_is_named(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("x = 1\n")
    plugin = plugin_file(file)
    expected = {plugin: source_hash(plugin)}
    assert node._lacking(expected) == ""
    assert node._lacking({plugin: "another"}) == f"has the plugin {plugin} with another source"
    file.unlink()
    assert node._lacking(expected) == f"lacks the plugin {plugin}"
    absent = PluginSource("absent", Distribution("acme", "1.0"), "absent_module", Path("/elsewhere/absent_module.py"))
    assert node._lacking({absent: "any"}) == "lacks the plugin absent (acme 1.0)"


def test_an_installed_plugin_is_found_where_it_is_installed_here():
    plugin = next(each for each in find_plugins() if each.name == "eszsl")
    from_another_machine = replace(plugin, path=Path("/another/machine/eszsl"))
    assert node._lacking({from_another_machine: source_hash(plugin)}) == ""


@pytest.fixture
def far_job(rehearsal, monkeypatch, tmp_path):
    """A job whose features lie in a file that this machine does not see."""
    for module in (entry, scaling):
        monkeypatch.setattr(module, "MAPPED_FROM_BYTES", 0)
    (job,) = rehearsal.jobs(["none+none+toy-linear"])
    return replace(job, features=tmp_path / "far" / "features.npy")


def test_features_are_brought_over_once_and_scaled_as_a_worker_would(far_job, rehearsal, tmp_path):
    features, brought = rehearsal.data_set.features, []

    def bring():
        brought.append(1)
        return np.array(features)

    cache = Cache(tmp_path / "cache")
    jobs = [node._at_hand(far_job, bring, cache) for _ in range(2)]
    assert len(brought) == 1
    for job in jobs:
        assert job.features.is_relative_to(cache.root)
        np.testing.assert_array_equal(job.open_features(), features)
        _, scaled = job.fold.scaled.open(torch.device("cpu"))
        raw = torch.tensor(features[job.fold.train])
        assert torch.equal(scaled, MinMax.fit(raw)(raw))


def test_a_file_that_is_seen_from_here_is_used(far_job, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    entry.save_entry(shared, entry.Entry({"features": np.ones((3, 2), np.float32)}))
    job = replace(far_job, features=shared / "features.npy")
    assert node._at_hand(job, lambda: pytest.fail("brought over"), Cache(tmp_path / "cache")) is job


def test_a_damaged_copy_is_not_used(far_job, rehearsal, tmp_path):
    near = tmp_path / "near"
    near.mkdir()
    entry.save_entry(near, entry.Entry({"features": rehearsal.data_set.features}))
    damaged = bytearray((near / "features.npy").read_bytes())
    damaged[-1] ^= 1
    (near / "features.npy").write_bytes(damaged)
    job = node._at_hand(
        replace(far_job, features=near / "features.npy"),
        lambda: np.array(rehearsal.data_set.features),
        Cache(tmp_path / "cache"),
    )
    np.testing.assert_array_equal(job.open_features(), rehearsal.data_set.features)
