"""The hooks by which plugins register data sets and components.

A plugin is a module, a package or a single file. It is found through the entry point group ``gzslbench`` of an
installed distribution or through ``--plugin path/to/file.py``, and implements any of the hooks below::

    from gzslbench.contract import hookimpl

    @hookimpl
    def gzslbench_classifiers():
        return [MyClassifier]

Every hook returns a list. A name that another plugin has already registered is refused, with a line that says whose it
is. Components share one namespace, since settings address them by name. Arguments may be added to these hooks later; an
implementation that does not take them keeps working.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from gzslbench.contract import Classifier, DataSource, Gate, Generator, Method

PROJECT = "gzslbench"
hookspec = pluggy.HookspecMarker(PROJECT)
"""Declares a hook; for the core alone."""
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Implements a hook in a plugin."""


@hookspec
def gzslbench_datasets() -> Sequence[type[DataSource]]:  # type: ignore[empty-body]
    """Return data sources, as classes.

    Each has an ``info`` and a ``load()`` that returns a :class:`gzslbench.contract.DataSet`. ``load()`` is called when
    a run first needs the data; the result is cached under the hash of its content, audited like any other, and from
    then on read from the cache.
    """


@hookspec
def gzslbench_generators() -> Sequence[type[Generator]]:  # type: ignore[empty-body]
    """Return generators, as classes derived from :class:`gzslbench.contract.Generator`."""


@hookspec
def gzslbench_gates() -> Sequence[type[Gate]]:  # type: ignore[empty-body]
    """Return gates, as classes derived from :class:`gzslbench.contract.Gate`.

    A class that is a gate and a classifier at once is returned here and by :func:`gzslbench_classifiers`.
    """


@hookspec
def gzslbench_classifiers() -> Sequence[type[Classifier]]:  # type: ignore[empty-body]
    """Return classifiers, as classes derived from :class:`gzslbench.contract.Classifier`."""


@hookspec
def gzslbench_methods() -> Sequence[Method]:  # type: ignore[empty-body]
    """Return methods: named choices of generator, gate and classifier.

    The components may come from other plugins; what is missing is reported when the method is run. A generator, gate or
    classifier that no method of its plugin names can be run all the same: it is completed with the plain defaults (no
    generator, no gate, the ``softmax`` classifier).
    """
