"""Options that several verbs share, how their values are read, and the names that the shell completes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from textwrap import shorten
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from gzslbench.contract.info import Method
from gzslbench.contract.protocol import PROTOCOLS

F = TypeVar("F", bound=Callable[..., Any])


MOST_SEEDS = 10_000
MOST_DAYS = 365


class PathName(click.Path):
    """A path; an empty name would mean the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a path; refuses an empty one."""
        if value == "":
            self.fail("a path must have a name; '.' is the current folder", param, ctx)
        return super().convert(value, param, ctx)

    def split_envvar_value(self, rv: str) -> list[str]:
        """Split a variable into paths; empty ones are none."""
        return list(filter(None, super().split_envvar_value(rv)))


FOLDER = PathName(file_okay=False, path_type=Path)


def seeds(text: str) -> tuple[int, ...]:
    """Read seeds written as ``0-4`` or ``0,2,7-9``; each once, in the order given."""
    found: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,10})(?:-([0-9]{1,10}))?\s*", part)
        if not match:
            raise click.BadParameter(f"'{shorten(text, 40)}' is not a list of seeds; write 0-4 or 0,2,7")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise click.BadParameter(f"'{part.strip()}' holds no seed; write the smaller number first")
        if len(found) + last - first >= MOST_SEEDS:
            raise click.BadParameter(f"'{shorten(text, 40)}' are more than {MOST_SEEDS:,} seeds; name fewer")
        found |= dict.fromkeys(range(first, last + 1))
    return tuple(found)


def duration(text: str) -> float:
    """Read a time written as ``90``, ``90s``, ``15m`` or ``2h``; in seconds."""
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([smhd]?)", text.strip())
    seconds = float(match[1]) * {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}[match[2]] if match else 0.0
    if not 0 < seconds <= MOST_DAYS * 86400:
        shown = shorten(text, 40)
        raise click.BadParameter(f"'{shown}' is not a duration up to {MOST_DAYS} days; write 90s, 15m or 2h")
    return seconds


def complete_plugins(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the names of plugins and of what they declare, without importing any."""
    from gzslbench.registry.declarations import find_plugins, read_listing

    plugins = find_plugins()
    listed = (each.info.name for each in read_listing(plugins) if each.kind != "data set")
    return sorted(name for name in {*listed, *(plugin.name for plugin in plugins)} if name.startswith(incomplete))


def complete_settings(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the settings of what has been named so far, or of all components, without importing any."""
    from gzslbench.registry.declarations import find_plugins, is_path, read_listing
    from gzslbench.registry.declared_settings import declared_settings

    values = [value if isinstance(value, tuple) else (value,) for value in ctx.params.values()]
    said = {str(each) for several in (ctx.args, *values) for each in several}
    given = [str(each) for name in ("plugins", "files") for each in ctx.params.get(name) or ()]
    files = [Path(name) for name in given if is_path(name) and Path(name).exists()]
    listed = [each for each in read_listing(find_plugins(files)) if each.kind != "data set"]
    of_plugins = [each for each in listed if each.plugin.name in said | {file.stem for file in files}]
    chosen = [each.info for each in [e for e in listed if e.info.name in said] or of_plugins or listed]
    methods = [each for each in chosen if isinstance(each, Method)]
    components = {name for each in methods for name in (each.generator, each.gate, each.classifier)}
    components |= {each.name for each in chosen if not isinstance(each, Method)}
    plugins = {each.info.name: each.plugin for each in listed if each.kind != "method" and each.info.name in components}
    return [
        CompletionItem(address, help=f"{each.default}  {each.comment}".strip())
        for name, plugin in plugins.items()
        if f"{name}.".startswith(incomplete.partition(".")[0])
        for each in declared_settings(plugin, name)
        if (address := f"{name}.{each.name}=").startswith(incomplete)
    ]


def complete_data_sets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the names of the data sets that are found; none where a data folder does not exist."""
    from gzslbench.data.catalogue import Catalogue
    from gzslbench.errors import UsageError

    try:
        names = Catalogue.find(ctx.params.get("data_dirs") or (), cache_dir=ctx.params.get("cache")).names()
    except UsageError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def default_cache() -> Path:
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("gzslbench", appauthor=False))


def many(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Add an option that can be repeated."""
    return click.option(*names, multiple=True, **attributes)


def flag(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Add an option without a value."""
    return click.option(*names, is_flag=True, **attributes)


plugin_files_option = many(
    "--plugin",
    "-p",
    "files",
    type=PathName(exists=True, path_type=Path),
    help="Also load this plugin file, or the folder of a package; repeatable.",
)


def data_sets_option(verb: str) -> Callable[[F], F]:
    """Add ``--dataset``, as ``data_sets``, for a verb that takes all data sets where none is named."""
    return many("--dataset", "-d", "data_sets", help=f"{verb} this data set only; repeatable.")


OF_PROTOCOLS = f"One of {', '.join(PROTOCOLS)}."


def protocols_option(verb: str, default: str = "") -> Callable[[F], F]:
    """Add ``--protocol``, as ``protocols``, for a verb that takes all of them, or ``default``, where none is named."""
    text = f"{verb} this protocol only{f' [default: {default}]' if default else ''}; repeatable."
    return many(
        "--protocol", "protocols", type=click.Choice(list(PROTOCOLS)), metavar="PROTOCOL", help=f"{text} {OF_PROTOCOLS}"
    )


set_option = many(
    "--set",
    "assignments",
    metavar="COMPONENT.SETTING=VALUE",
    shell_complete=complete_settings,
    help="Change a setting.",
)
data_dir_option = many(
    "--data-dir",
    "data_dirs",
    type=PathName(path_type=Path),
    envvar="GZSLBENCH_DATA",
    show_envvar=True,
    help=f"Folder with data sets in the xlsa17 layout; repeatable, in the variable separated by '{os.pathsep}'.",
)
cache_option = click.option(
    "--cache",
    type=PathName(path_type=Path),
    default=default_cache,
    envvar="GZSLBENCH_CACHE",
    show_envvar=True,
    show_default="the user's cache folder",
    help="Where converted data sets are kept.",
)


def data_options(command: F) -> F:
    """Add ``--data-dir`` and ``--cache``, as ``data_dirs`` and ``cache``."""
    return data_dir_option(cache_option(command))


_RESULTS: dict[str, Any] = {
    "envvar": "GZSLBENCH_RESULTS",
    "show_envvar": True,
    "show_default": True,
    "type": PathName(path_type=Path),
}
results_option = click.option("--results", default=Path("results"), help="Folder of the records.", **_RESULTS)
roots_option = many(
    "--results", "roots", default=("results",), help="Results to read, a folder or a list; repeatable.", **_RESULTS
)
tracking_uri_option = click.option(
    "--tracking-uri",
    envvar="MLFLOW_TRACKING_URI",
    show_envvar=True,
    help="MLflow server or database [default: SQLite in the results].",
)
