"""The plugins that come with gzslbench keep the contract: in this process, since they neither hang nor crash."""

from __future__ import annotations

import pytest
import torch

from gzslbench.registry.declarations import find_plugins, read_listing
from gzslbench.testing.checks import COMPONENTS, Subject
from gzslbench.testing.perform import perform

PLUGINS = [plugin for plugin in find_plugins() if plugin.distribution.name == "gzslbench"]
SUBJECTS = [
    (plugin, subject)
    for plugin in PLUGINS
    for subject in (
        Subject("plugin", plugin.name),
        *(Subject(each.kind, each.info.name) for each in read_listing([plugin])),
    )
]

GAN = {"generator_hidden": 256, "critic_hidden": 256}
NARROW = dict.fromkeys(("canzsl", "cewgan", "gazsl", "tf-vaegan"), GAN) | {"ce-gzsl": {**GAN, "batch_size": 64}}
"""Settings that a method's checks need not take at full size: those of its components do."""


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(("plugin", "subject"), [pytest.param(*pair, id=str(pair[1])) for pair in SUBJECTS])
def test_a_built_in_plugin_passes_every_check(plugin, subject):
    assert [
        outcome
        for outcome in perform(plugin, subject, NARROW if subject.kind == "method" else {})
        if outcome.status == "FAILED"
    ] == []


def test_components_of_every_kind_are_among_them():
    assert set(COMPONENTS) < {subject.kind for _, subject in SUBJECTS}
