"""``gzslbench list``: what there is to run, read from the plugins' sources without importing them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from gzslbench.cli.options import complete_data_sets, complete_plugins, data_options, flag, plugin_files_option
from gzslbench.contract.info import DataInfo, Info, Method
from gzslbench.contract.protocol import PROTOCOLS
from gzslbench.data.catalogue import Catalogue
from gzslbench.errors import UsageError, nearest
from gzslbench.registry.declarations import Listed, find_plugins, read_listing
from gzslbench.registry.declared_settings import declared_settings

_HEADINGS = {
    "method": "Methods",
    "variant": "Variants of methods",
    "generator": "Generators",
    "gate": "Gates",
    "classifier": "Classifiers",
}


@click.command("list")
@click.argument("names", nargs=-1, shell_complete=complete_plugins)
@click.option(
    "--dataset",
    "-d",
    "data_set",
    shell_complete=complete_data_sets,
    help="Say what NAMES are set to on this data set, and where each value comes from.",
)
@plugin_files_option
@flag("--json", "as_json", help="Print JSON.")
@data_options
def list_(
    names: Sequence[str],
    data_set: str | None,
    files: Sequence[Path],
    as_json: bool,
    data_dirs: Sequence[Path],
    cache: Path,
) -> None:
    """List methods, components, data sets and protocols, or say more about NAMES of the first three."""
    listed = read_listing(find_plugins(files))
    declared = {each.info.name for each in listed}
    found = [] if declared.issuperset(names) else _data_sets(data_dirs, cache)
    for name in names:
        if name not in {*declared, *found}:
            what = f"there is no method, component or data set '{name}'"
            raise UsageError(what, nearest(name, {*declared, *found}))
    chosen = [each for name in names for each in listed if each.info.name == name] if names else listed
    if data_set is not None:
        _show_settings(names, Catalogue.find(data_dirs, cache_dir=cache).spelled(data_set), files, as_json)
        return
    for name in names:
        if name not in declared and as_json:
            raise UsageError(f"the data set '{name}' is described in text alone", "leave out --json")
        if name not in declared:
            _describe(name, data_dirs, cache)
    if as_json:
        values = [{"kind": each.kind, **asdict(each.info), "plugin": str(each.plugin)} for each in chosen]
        click.echo(json.dumps(values, indent=1))
    elif names:
        for each in chosen:
            _show(each)
    else:
        _show_all(listed, Catalogue.find(data_dirs, cache_dir=cache))


def _show_settings(names: Sequence[str], data_set: str, files: Sequence[Path], as_json: bool) -> None:
    from gzslbench.records.names import written
    from gzslbench.registry.effective import effective_settings
    from gzslbench.registry.hosts import open_plugins

    if not names:
        raise UsageError("--dataset shows settings on a data set, and nothing is named", "give a method or component")
    registry = open_plugins(files)
    settings = {name: effective_settings(registry, name, data_set) for name in names}
    if as_json:
        values = [{"name": name, **asdict(each)} for name, of_name in settings.items() for each in of_name]
        click.echo(json.dumps(values, indent=1))
        return
    for name, of_name in settings.items():
        texts = [written(each.value) for each in of_name]
        width = max(map(len, texts), default=0)
        rows = []
        for each, text in zip(of_name, texts, strict=True):
            origin = f"with {each.option}, {each.origin}" if each.option else each.origin
            rows.append(("" if each.option else each.setting, f"{text:<{width}}  {origin}"))
        _table(f"settings of {name} on {data_set} with --budget full, for --set COMPONENT.SETTING=VALUE", rows)


def _data_sets(data_dirs: Sequence[Path], cache: Path) -> list[str]:
    """Name the data sets that are found, and known ones that are missing."""
    catalogue = Catalogue.find(data_dirs, cache_dir=cache)
    return [*catalogue.names(), *(each.name for each in catalogue.missing())]


def _describe(name: str, data_dirs: Sequence[Path], cache: Path) -> None:
    from gzslbench.cli.data import describe, describe_split, find_data

    data_set = find_data(data_dirs, cache).open(name, cache)
    describe(data_set)
    for split in data_set.splits.values():
        describe_split(split)


def _show_all(listed: Sequence[Listed], catalogue: Catalogue) -> None:
    rows: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for each in listed:
        variant = isinstance(each.info, Method) and each.info.variant_of
        rows["variant" if variant else each.kind].append((each.info.name, _summary(each.info)))
    for kind, heading in _HEADINGS.items():
        _table(heading, sorted(rows[kind]))
    _table("Data sets", [(name, "") for name in catalogue.names()] + rows["data set"])
    _table("Protocols", [(each.name, each.summary) for each in PROTOCOLS.values()])
    click.echo("More about one: gzslbench list NAME. Missing data sets: gzslbench data list.")


def _summary(info: Info | Method | DataInfo) -> str:
    if isinstance(info, Method) and not info.summary:
        return " + ".join(filter(None, (info.generator, info.gate, info.classifier)))
    return info.summary


def _show(listed: Listed) -> None:
    """Tell all about one thing that a plugin declares, with its settings or the values of its sweeps to try."""
    info = listed.info
    facts = {"summary": info.summary, "paper": info.paper}
    head, more = "", []
    if isinstance(info, Method):
        facts["variant of"] = info.variant_of
        facts |= {"generator": info.generator or "none", "gate": info.gate, "classifier": info.classifier}
        head = f"values to try, by gzslbench ablate {info.name} --sweep"
        more = [(name, ", ".join(map(str, values))) for name, values in (info.sweeps or {}).items()]
    if isinstance(info, Info):
        facts |= {"needs": ", ".join(info.needs), "makes": ", ".join(info.makes)}
        facts["precision"] = ", ".join(info.precisions)
        facts["draws"] = "" if info.draws else "nothing at random: one run stands for all seeds"
        head = f"settings of {info.name}, for --set {info.name}.NAME=VALUE"
        declared = declared_settings(listed.plugin, info.name)
        more = [(f"{each.name} = {each.default}", each.comment) for each in declared]
    facts |= {"plugin": str(listed.plugin), "source": str(listed.plugin.path)}
    _table(f"{listed.kind} {info.name}", [(name, text) for name, text in facts.items() if text])
    if more:
        _table(head, more)


def _table(heading: str, rows: Sequence[tuple[str, str]]) -> None:
    click.secho(heading, bold=True)
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        click.echo(f"  {name:<{width}}  {text}".rstrip())
    click.echo()
