"""Options that several verbs share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def default_cache() -> Path:
    """Give the user's cache folder, where converted data is kept."""
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("gzslbench", appauthor=False))


def data_dir_option(command: F) -> F:
    """Add ``--data-dir``, as ``data_dirs``."""
    return click.option(
        "--data-dir",
        "data_dirs",
        multiple=True,
        type=click.Path(path_type=Path),
        envvar="GZSLBENCH_DATA",
        show_envvar=True,
        help=f"Folder with data sets in the xlsa17 layout; repeatable, in the variable separated by '{os.pathsep}'.",
    )(command)


def cache_option(command: F) -> F:
    """Add ``--cache``, as ``cache``."""
    return click.option(
        "--cache",
        type=click.Path(path_type=Path),
        default=default_cache,
        envvar="GZSLBENCH_CACHE",
        show_envvar=True,
        show_default="the user's cache folder",
        help="Where converted data sets are kept.",
    )(command)


def results_option(command: F) -> F:
    """Add ``--results``, as ``results``."""
    return click.option(
        "--results",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("results"),
        envvar="GZSLBENCH_RESULTS",
        show_envvar=True,
        show_default=True,
        help="Folder of the records.",
    )(command)


def roots_option(command: F) -> F:
    """Add ``--results``, as ``roots``, for what only reads."""
    return click.option(
        "--results",
        "roots",
        type=click.Path(path_type=Path, file_okay=False),
        multiple=True,
        default=("results",),
        show_default=True,
        envvar="GZSLBENCH_RESULTS",
        show_envvar=True,
        help="Folder of results to read; repeat it to read several.",
    )(command)


def tracking_uri_option(command: F) -> F:
    """Add ``--tracking-uri``, as ``tracking_uri``."""
    return click.option(
        "--tracking-uri",
        envvar="MLFLOW_TRACKING_URI",
        show_envvar=True,
        default=None,
        help="MLflow server or database [default: SQLite in the results].",
    )(command)
