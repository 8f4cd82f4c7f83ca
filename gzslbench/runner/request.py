"""What the user asked for, and the plan that follows from it."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gzslbench.data.audit import require_sound
from gzslbench.data.catalogue import Catalogue
from gzslbench.data.splits import further_splits
from gzslbench.errors import UsageError
from gzslbench.plugins import Registry
from gzslbench.protocol import protocol_named
from gzslbench.runner.ablation import taken_apart
from gzslbench.runner.combinations import (
    FULL,
    Combination,
    Resolver,
    component_names,
    every_combination,
    of_parts,
    of_plugin,
    plugin_files,
)
from gzslbench.runner.plan import Plan, Scope, Task, make_plan
from gzslbench.settings import parse_assignments, parse_grid, unknown_components
from gzslbench.suggest import nearest

BUNDLED = "glyphs"
AUTO, QUICK = "auto", "quick"
"""How many random class splits the protocol ``splits`` adds to a data set that brings only one of its own."""


@dataclass(frozen=True)
class Request:
    """What the user asked for, as the command line gives it."""

    results: Path
    cache: Path
    plugins: Sequence[str] = ()
    generators: Sequence[str] = ()
    gates: Sequence[str] = ()
    classifiers: Sequence[str] = ()
    everything: bool = False
    ablated: str = ""
    """A method to run with its variants, in place of all of the above."""
    swept: bool = False
    """Also run that method with each value of its sweeps."""
    data_dirs: Sequence[Path] = ()
    data_sets: Sequence[str] = ()
    all_datasets: bool = False
    splits: Sequence[str] = ()
    protocols: Sequence[str] = ("inductive",)
    seeds: Sequence[int] = (0, 1, 2, 3, 4)
    assignments: Sequence[str] = ()
    grid: Sequence[str] = ()
    budget: str = AUTO
    jobs: int | None = None
    threads: int = 1
    device: str = "auto"
    precision: str = "auto"
    executor: str = "local"
    seeds_together: bool | None = None
    timeout: float | None = None
    keep_scores: bool = False
    keep_samples: bool = False
    force: bool = False
    fail_fast: bool = False
    dry_run: bool = False
    explain: bool = False
    no_track: bool = False
    tracking_uri: str | None = None
    as_json: bool = False


def plan_request(request: Request, registry: Registry, device: str, precision: str = "float32") -> Plan:
    """Plan what was asked for; raises :class:`UsageError` or :class:`DataError` where that can't be done."""
    combinations = chosen_combinations(request, registry)
    chosen = parse_assignments(request.assignments)
    grid = parse_grid(request.grid)
    for settings in (chosen, *grid):
        unknown_components(settings, component_names(combinations))
    budget = _budget(request.budget, registry, device)
    protocols = [protocol_named(name) for name in request.protocols]
    tasks = list(_tasks(request, registry, any(protocol.many_splits for protocol in protocols)))
    scope = Scope(protocols, request.seeds, device, precision, grid=grid)
    return make_plan(combinations, tasks, Resolver(registry, budget, chosen), scope)


def chosen_combinations(request: Request, registry: Registry) -> list[Combination]:
    """Find the methods and combinations that were asked for, each once.

    Beside ``--plugin``, ``--gate`` and ``--classifier`` take the place of the method's own ones.
    """
    if request.ablated:
        return taken_apart(registry, request.ablated, request.swept)
    if request.everything:
        return list(every_combination(registry))
    chosen = [each for name in request.plugins for each in of_plugin(registry, _plugin_name(name))]
    if request.plugins and (request.gates or request.classifiers):
        chosen = [varied for each in chosen for varied in _varied(each, request, registry)]
    if request.generators or not request.plugins:
        parts = (request.generators or ("none",), request.gates or ("none",), request.classifiers or ("softmax",))
        chosen += [of_parts(registry, *names) for names in itertools.product(*parts)]
    unique: dict[str, Combination] = {}
    for combination in chosen:
        unique.setdefault(combination.name, combination)
    return list(unique.values())


def _varied(combination: Combination, request: Request, registry: Registry) -> Iterator[Combination]:
    generator = combination.generator.name if combination.generator else "none"
    gates = request.gates or (combination.gate.name,)
    for gate, classifier in itertools.product(gates, request.classifiers or (combination.classifier.name,)):
        yield of_parts(registry, generator, gate, classifier)


def _plugin_name(name: str) -> str:
    return str(plugin_files([name])[0].resolve()) if plugin_files([name]) else name


def _budget(name: str, registry: Registry, device: str) -> str:
    """Name the budget; without a GPU the recipes' own budgets would take days, so the quick one is taken, aloud."""
    known = {FULL} | {budget for recipe in registry.recipes.values() for budget in recipe.budgets}
    if name == AUTO:
        if device != "cpu" or QUICK not in known:
            return FULL
        print("budget: quick, since there is no GPU; --budget full takes the recipes' own", file=sys.stderr)
        return QUICK
    if name not in known:
        raise UsageError(f"there is no budget '{name}'", nearest(name, known))
    return name


def _tasks(request: Request, registry: Registry, many_splits: bool) -> Iterator[Task]:
    sources = {name: entry.what for name, entry in registry.of_kind("data set").items()}
    catalogue = Catalogue.find(request.data_dirs, sources, request.cache)
    names = list(request.data_sets)
    if request.all_datasets:
        names += [name for name in catalogue.names() if name not in names]
        for missing in catalogue.missing():
            print(f"left out: {missing.name} lacks {missing.lacks}; {missing.how_to_get}", file=sys.stderr)
    for name in names or [BUNDLED]:
        data_set = catalogue.open(name, request.cache)
        chosen = [data_set.split(each) for each in request.splits] or [data_set.split()]
        extra = further_splits(data_set) if many_splits and not request.splits else []
        for split in (*chosen, *extra):
            findings = require_sound(data_set, split)
            for finding in findings:
                print(f"{data_set.name}: {finding}", file=sys.stderr)
            yield Task(data_set, split, tuple(finding.message for finding in findings), extra=split in extra)


def device_named(name: str) -> str:
    """Choose the device; ``auto`` takes a GPU where torch finds one."""
    import torch

    available = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if available else "cpu"
    if name.startswith("cuda") and not available:
        raise UsageError(
            "--device cuda was asked for, but torch finds no GPU", "use --device cpu, or install a CUDA build"
        )
    if not (name == "cpu" or name.startswith("cuda")):
        raise UsageError(f"there is no device '{name}'", "choose from auto, cpu, cuda, cuda:1")
    return name


def precision_named(name: str, device: str) -> str:
    """Choose the format of matrix products, aloud; ``auto`` takes bfloat16 where the device computes in it."""
    if name == "float32":
        return name
    in_hardware = has_bfloat16(device)
    if name == "bfloat16" and not in_hardware:
        print("precision: bfloat16 is emulated here, and slower than float32", file=sys.stderr)
    if name == "auto" and in_hardware:
        print("precision: bfloat16, which the processor has; --precision float32 does without", file=sys.stderr)
    return "bfloat16" if in_hardware or name == "bfloat16" else "float32"


def has_bfloat16(device: str) -> bool:
    """Say whether a device multiplies bfloat16 matrices in hardware; elsewhere they are slower than float32."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "sve_bf16"))
