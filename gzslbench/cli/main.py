"""The command line: verbs only, each imported when it is called."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import sys
from typing import Any

import click

from gzslbench import __version__
from gzslbench.errors import GzslbenchError, UsageError
from gzslbench.text import one_line, safe_streams

INTERRUPTED = 130
_VERBS = {
    "run": ("gzslbench.cli.run:run", "Run methods on data sets; the same command again continues."),
    "ablate": ("gzslbench.cli.ablate:ablate", "Run a method and its variants; tabulate what each part of it is worth."),
    "tune": ("gzslbench.cli.tune:tune", "Search settings on validation classes, equally for each method."),
    "list": ("gzslbench.cli.listing:list_", "List methods, components, data sets and protocols."),
    "plugins": ("gzslbench.cli.plugins:plugins", "Load all plugins and say which of them are broken, and why."),
    "data": ("gzslbench.cli.data:data", "List, check, import, extract and fetch data sets."),
    "leaderboard": ("gzslbench.cli.leaderboard:leaderboard", "Print or write the leaderboard of the results."),
    "compare": ("gzslbench.cli.compare:compare", "Compare two methods: intervals, ranks, wins and losses by class."),
    "reported": ("gzslbench.cli.leaderboard:reported", "Print what is known of the numbers that papers report."),
    "figure": ("gzslbench.cli.figure:figure", "Draw a figure of the papers, or another one, from the results."),
    "new": ("gzslbench.cli.plugins:new", "Write a plugin package to start from: it works, and has its tests."),
    "check": ("gzslbench.cli.plugins:check", "Put a plugin through the contract's tests."),
    "submit": ("gzslbench.cli.submission:submit", "Bundle a method's records for a leaderboard."),
    "verify": ("gzslbench.cli.submission:verify", "Check a bundle: hashes, seeds, metrics from its predictions."),
    "rescore": ("gzslbench.cli.results:rescore", "Compute the metrics of records anew from their predictions."),
    "results": ("gzslbench.cli.results:results", "Pack, unpack, merge and compare results."),
    "ui": ("gzslbench.cli.tracking:ui", "Open the results in MLflow's browser interface."),
    "track": ("gzslbench.cli.tracking:track", "Rebuild MLflow's data from the records."),
    "completion": ("gzslbench.cli.completion:completion", "Print what makes bash, zsh or fish complete all of this."),
}


class _Verbs(click.Group):
    """A group that knows its verbs by name and help, and imports one when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        module, _, attribute = _VERBS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _VERBS.items()])


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="gzslbench")
def cli() -> None:
    """Benchmark generalized zero-shot learning: one protocol, one clock and one set of seeds for every method.

    \b
    gzslbench run --plugin gsmflow                    on the bundled data set
    gzslbench run --plugin gsmflow --all-datasets     on all that is found in --data-dir
    gzslbench leaderboard                             what came out

    Exit codes: 0 all well, 1 a cell failed or a record is damaged, 2 wrong usage, 3 unusable data, 130 interrupted; of
    several the highest. What can't be used is named and costs itself alone: the rest goes on.
    """
    try:
        os.getcwd()  # noqa: PTH109 (pathlib imports more)
    except FileNotFoundError:
        raise UsageError("the current folder has been deleted", "change to another one") from None


class _Warnings(logging.Handler):
    """Prints each warning once, and keeps the exit code that is due for what was left out."""

    def __init__(self) -> None:
        super().__init__()
        self.code = 0
        self._printed: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print a warning that is new."""
        self.code = max(self.code, getattr(record, "exit_code", 0))
        message = record.getMessage()
        if message not in self._printed:
            self._printed.add(message)
            click.echo(one_line(message), err=True)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; an error of ours becomes one line."""
    warnings, logger = _Warnings(), logging.getLogger("gzslbench")
    logger.addHandler(warnings)
    try:
        with safe_streams():
            code = _called(arguments)
    finally:
        logger.removeHandler(warnings)
    gc.freeze()  # else the interpreter looks through all that torch has made before it ends
    sys.exit(max(code, warnings.code))


def _called(arguments: list[str] | None) -> int:
    try:
        color = False if os.environ.get("NO_COLOR") else None
        code: Any = cli.main(args=arguments, prog_name="gzslbench", standalone_mode=False, color=color)
        sys.stdout.flush()
    except click.exceptions.Abort:
        code = INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except GzslbenchError as error:
        click.echo(f"error: {one_line(str(error))}", err=True)
        code = error.exit_code
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"error: {one_line(f'{place}{error.strerror or error}')}; check the path and the disk", err=True)
        code = 1
    return code if isinstance(code, int) else 0
