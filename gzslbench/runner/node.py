"""What runs on the nodes of a cluster: each says what it has, and runs groups with all that they need at hand there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from platformdirs import user_cache_dir

from gzslbench.data.cache import Cache
from gzslbench.data.entry import Entry, load_entry, mapped_file
from gzslbench.data.scaling import scaled_file
from gzslbench.errors import counted
from gzslbench.evaluation.job import Fold, GroupJob
from gzslbench.processes.keeper import Limits
from gzslbench.records.predictions import FloatArray
from gzslbench.registry.declarations import PluginSource, as_installed_here
from gzslbench.registry.setup import Setup
from gzslbench.registry.source_hash import source_hash
from gzslbench.runner.execute import LocalExecutor
from gzslbench.runner.machine import environment, has_bfloat16
from gzslbench.runner.messages import Event
from gzslbench.runner.supervise import Assignment

Versions = dict[str, str]
Plugins = Mapping[PluginSource, str]
"""The plugins of a group, each with the hash of its source."""


@dataclass(frozen=True)
class Share:
    """What a group takes of a node."""

    cpus: int
    gpus: float = 0.0

    def times_in(self, resources: Mapping[str, float]) -> int:
        """Say how many groups a node with these resources runs at once."""
        by_cpu = resources.get("CPU", 0.0) / self.cpus
        by_gpu = resources.get("GPU", 0.0) / self.gpus if self.gpus else by_cpu
        return int(min(by_cpu, by_gpu) + 1e-6)

    def __str__(self) -> str:
        return f"{self.cpus:g} CPU and {self.gpus:g} GPU" if self.gpus else counted(self.cpus, "CPU")


@dataclass(frozen=True, eq=False)
class RemoteGroup:
    """A group on its way to a node."""

    assignment: Assignment
    bring: Callable[[], FloatArray] | None
    """Brings all features over; None where the node sees the driver's files."""
    versions: Versions
    plugins: Plugins
    limits: Sequence[str]
    share: Share
    jobs: int


@dataclass(frozen=True)
class Unfit:
    """A node can't run a group, since it differs from where the group was planned."""

    node: str
    reason: str


def versions() -> Versions:
    """Give the versions that all machines of a run must have in common; whatever torch was built for."""
    return {name: version(name).partition("+")[0] for name in ("gzslbench", "torch")}


def differing(found: Versions, expected: Versions) -> str:
    """Say which version is another one than expected; empty where none is."""
    wrong = (name for name in expected if found[name] != expected[name])
    return next((f"has {name} {found[name]}, not {expected[name]} as where the run was started" for name in wrong), "")


@dataclass(frozen=True)
class Report:
    """What a machine has of that which decides how groups run on it."""

    versions: Versions
    has_device: bool
    has_bfloat16: bool = False
    machine_class: str = ""


def report(device: str) -> Report:
    """Describe this machine."""
    if device == "cuda" and not torch.cuda.is_available():
        return Report(versions(), has_device=False)
    machine_class = environment(torch.device(device), threads=1).machine_class
    return Report(versions(), True, has_bfloat16(device), machine_class)


def run_here(group: RemoteGroup) -> Iterator[Event | Unfit]:
    """Run a group in a task of Ray on this node, and yield its events."""
    import ray

    own = ray.get_runtime_context().get_node_id()
    node = next(each for each in ray.nodes() if each["NodeID"] == own)
    vars(sys.modules["__main__"]).pop("__file__", None)  # else each worker runs it for its imports, and Ray's take long
    if reason := differing(versions(), group.versions) or _lacking(group.plugins):
        yield Unfit(node["NodeName"], reason)
        return
    sharing = max(1, min(group.jobs, group.share.times_in(node["Resources"])))
    with TemporaryDirectory(prefix="gzslbench-log-", ignore_cleanup_errors=True) as folder:
        here = LocalExecutor(1, group.share.cpus)
        for _, event in here.run([lambda: _settled(group, Path(folder, "log.txt"), sharing)]):
            yield event


def _lacking(plugins: Plugins) -> str:
    for plugin, expected in plugins.items():
        here = as_installed_here(plugin)
        if here.path is None or not here.path.exists():
            return f"lacks the plugin {plugin}"
        if source_hash(here) != expected:
            return f"has the plugin {plugin} with another source"
    return ""


def _settled(group: RemoteGroup, log: Path, sharing: int) -> Assignment:
    """Give a group's assignment with what belongs to this machine."""
    given = group.assignment
    cache = Cache(Path(os.environ.get("GZSLBENCH_CACHE") or user_cache_dir("gzslbench", appauthor=False)))
    job = replace(_at_hand(given.job, group.bring, cache), jobs=sharing)
    cells = tuple(replace(cell, setups=tuple(map(_with_plugins_here, cell.setups))) for cell in job.cells)
    return replace(
        given,
        job=replace(job, cells=cells),
        log=log,
        limits=Limits.of(group.limits, sharing),
        shield=replace(given.shield, hidden=(*given.shield.hidden, cache.entries), needed=job.files),
    )


def _with_plugins_here(setup: Setup) -> Setup:
    return setup.map(lambda part: replace(part, source=as_installed_here(part.source)))


def _at_hand(job: GroupJob, bring: Callable[[], FloatArray] | None, cache: Cache) -> GroupJob:
    """Give a job whose features lie in a file that this node sees: the driver's, or one in its own cache."""
    if bring is None or not isinstance(job.features, Path) or load_entry(job.features.parent):
        return job
    features = cache.of_content(job.features_hash, "features", lambda: Entry({"features": bring()})).arrays["features"]

    def scaled(fold: Fold) -> Fold:
        return replace(fold, scaled=scaled_file(features, job.features_hash, fold.train, cache))

    return replace(
        job,
        features=mapped_file(features) or features,
        fold=scaled(job.fold),
        validations={seed: replace(each, fold=scaled(each.fold)) for seed, each in job.validations.items()},
    )
