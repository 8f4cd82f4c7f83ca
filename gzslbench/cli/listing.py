"""``gzslbench list``: what there is to run, read from the plugins' sources without importing them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from gzslbench.cli.options import cache_option, complete_plugins, data_dir_option, flag, several
from gzslbench.contract.info import Info, Method
from gzslbench.contract.protocol import PROTOCOLS
from gzslbench.data.catalogue import Catalogue
from gzslbench.errors import UsageError, nearest
from gzslbench.registry.declarations import Listed, find_plugins, read_listing
from gzslbench.registry.declared_settings import declared_settings

_VARIANT = "variant"
_HEADINGS = {
    "method": "Methods",
    _VARIANT: "Variants of methods",
    "generator": "Generators",
    "gate": "Gates",
    "classifier": "Classifiers",
}


@click.command("list")
@click.argument("names", nargs=-1, shell_complete=complete_plugins)
@several("--plugin", "files", type=click.Path(path_type=Path), help="Also read this plugin file.")
@flag("--json", "as_json", help="Print JSON.")
@data_dir_option
@cache_option
def list_(names: Sequence[str], files: Sequence[Path], as_json: bool, data_dirs: Sequence[Path], cache: Path) -> None:
    """List methods, components, data sets and protocols, or say more about NAMES that plugins declare."""
    listed = read_listing(find_plugins(files))
    chosen = _named(names, listed) if names else listed
    if as_json:
        click.echo(json.dumps([_as_values(each) for each in chosen], indent=1))
    elif names:
        for each in chosen:
            _table(f"{each.kind} {each.info.name}", _facts(each))
            _show_settings(each)
            _show_sweeps(each)
    else:
        _show_all(listed, Catalogue.find(data_dirs, cache_dir=cache))


def _show_all(listed: Sequence[Listed], catalogue: Catalogue) -> None:
    for kind, heading in _HEADINGS.items():
        _table(heading, [(each.info.name, _summary(each)) for each in listed if _listed_as(each) == kind])
    sources = [(each.info.name, each.info.summary) for each in listed if each.kind == "data set"]
    _table("Data sets", [(name, "") for name in catalogue.names()] + sources)
    _table("Protocols", [(each.name, each.summary) for each in PROTOCOLS.values()])
    click.echo("More about one: gzslbench list NAME. Missing data sets: gzslbench data list.")


def _listed_as(listed: Listed) -> str:
    return _VARIANT if isinstance(listed.info, Method) and listed.info.variant_of else listed.kind


def _named(names: Sequence[str], listed: Sequence[Listed]) -> list[Listed]:
    known = {each.info.name for each in listed}
    for name in names:
        if name not in known:
            raise UsageError(f"no plugin declares '{name}'", nearest(name, known))
    return [each for name in names for each in listed if each.info.name == name]


def _show_settings(listed: Listed) -> None:
    settings = declared_settings(listed.plugin, listed.info.name) if isinstance(listed.info, Info) else []
    if settings:
        head = f"settings of {listed.info.name}, for --set {listed.info.name}.NAME=VALUE"
        _table(head, [(f"{each.name} = {each.default}", each.comment) for each in settings])


def _show_sweeps(listed: Listed) -> None:
    if isinstance(listed.info, Method) and listed.info.sweeps:
        head = f"values to try, by gzslbench ablate {listed.info.name} --sweep"
        _table(head, [(name, ", ".join(map(str, values))) for name, values in listed.info.sweeps.items()])


def _summary(listed: Listed) -> str:
    info = listed.info
    if isinstance(info, Method) and not info.summary:
        return " + ".join(filter(None, (info.generator, info.gate, info.classifier)))
    return info.summary


def _facts(listed: Listed) -> list[tuple[str, str]]:
    info = listed.info
    facts = {"summary": info.summary, "paper": info.paper}
    if isinstance(info, Method):
        facts["variant of"] = info.variant_of
        facts |= {"generator": info.generator or "none", "gate": info.gate, "classifier": info.classifier}
    if isinstance(info, Info):
        facts |= {"needs": ", ".join(info.needs), "makes": ", ".join(info.makes)}
        facts["precision"] = ", ".join(info.precisions)
    facts["plugin"] = str(listed.plugin)
    facts["source"] = str(listed.plugin.path)
    return [(name, text) for name, text in facts.items() if text]


def _as_values(listed: Listed) -> dict[str, Any]:
    return {"kind": listed.kind, **asdict(listed.info), "plugin": str(listed.plugin)}


def _table(heading: str, rows: Sequence[tuple[str, str]]) -> None:
    click.secho(heading, bold=True)
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        click.echo(f"  {name:<{width}}  {text}".rstrip())
    click.echo()
