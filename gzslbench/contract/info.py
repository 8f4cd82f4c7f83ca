"""The literals by which a plugin declares itself.

They are plain data without torch, written as literals in the plugin's source, so that ``gzslbench list`` reads them
without importing any plugin.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from types import MappingProxyType

PRECISIONS = ("float32", "bfloat16")
"""Formats in which matrix products may be computed; weights and their updates are float32 in any case."""


class Need(StrEnum):
    """What a component asks for beyond seen features, seen labels and seen semantics while it is fitted.

    A view hands over what its component declares and its protocol allows, and nothing else.
    """

    UNSEEN_SEMANTICS = "unseen semantics"
    """Semantics of the unseen classes before test time."""
    TEST_FEATURES = "test features"
    """Unlabelled test features (transductive methods)."""
    SYNTHETIC = "synthetic features of unseen classes"
    """What a generator makes from the semantics of unseen classes."""
    PROXIES = "proxies"
    """What a generator makes as samples of no seen class."""
    OUTSIDE = "proxies or synthetic features of unseen classes"
    """Either: proxies where the generator makes them, else synthetic features."""
    VALIDATION = "scores on validation classes"
    """What the same generator and classifier, fitted without some seen classes, say of samples of these and others."""
    SHARED_SPACE = "features and semantics in one space"
    """A data set that declares it, and the scale of the features: semantics are not scaled."""


class Makes(StrEnum):
    """What a generator makes."""

    SYNTHETIC = "synthetic features of unseen classes"
    PROXIES = "proxies"
    ENCODING = "an encoding of real features"


@dataclass(frozen=True)
class Info:
    """What a component is; give it as a literal in the class body.

    ``name`` is unique among components, in lower case with hyphens. ``paper`` cites the source. ``needs`` and ``makes``
    decide which combinations and protocols the component fits. ``precisions`` are the formats of matrix products that
    the component follows ``ctx.precision`` in; name one beside float32 once it has been shown to leave H as it is.
    ``draws=False`` says that nothing is drawn at random, so that all seeds would give the same bits; what consists of
    such components alone runs once.
    """

    name: str
    summary: str = ""
    paper: str = ""
    needs: tuple[Need, ...] = ()
    makes: tuple[Makes, ...] = ()
    precisions: tuple[str, ...] = ("float32",)
    draws: bool = True

    def __post_init__(self) -> None:
        """Refuse what is no tuple of members, such as ``needs=(Need.PROXIES)``, which is a string."""
        for values, kind in ((self.needs, Need), (self.makes, Makes)):
            if not isinstance(values, tuple) or not all(isinstance(value, kind) for value in values):
                raise TypeError(f"'{self.name}' must give a tuple of {kind.__name__}, got {values!r}")
        if not isinstance(self.precisions, tuple) or not set(self.precisions) <= {*PRECISIONS}:
            raise TypeError(f"'{self.name}' must give a tuple of {', '.join(PRECISIONS)}, got {self.precisions!r}")
        if not isinstance(self.draws, bool):
            raise TypeError(f"'{self.name}' must give True or False as draws, got {self.draws!r}")

    def precision(self, policy: str) -> str:
        """Give the format that the component computes in under a policy."""
        return policy if policy in self.precisions else PRECISIONS[0]


@dataclass(frozen=True)
class DataInfo:
    """What a data source is; give it as a literal in the class body."""

    name: str
    summary: str = ""
    paper: str = ""


@dataclass(frozen=True)
class Method:
    """A named choice of generator, gate and classifier with its recipe per data set.

    ``generator`` is empty for methods that synthesise nothing. ``settings`` are configuration values that make this
    method what it is (``"softmax.epochs": 5`` for an ablation); they yield to the user's ``--set`` alone.
    ``recipes`` is a TOML file beside the module that defines the method; its values yield to ``settings``.
    ``reported`` is the name under which published tables list the method. ``variant_of`` names the method that this one
    takes apart, for ``gzslbench ablate``. ``sweeps`` lists, for settings of this method, the values to try one by one.
    """

    name: str
    classifier: str
    generator: str = ""
    gate: str = "none"
    summary: str = ""
    paper: str = ""
    reported: str = ""
    recipes: str = ""
    settings: MappingProxyType[str, object] | dict[str, object] | None = None
    variant_of: str = ""
    sweeps: MappingProxyType[str, tuple[object, ...]] | dict[str, tuple[object, ...]] | None = None

    def __post_init__(self) -> None:
        """Refuse what is no text, such as ``generator=None``."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "str" and not isinstance(value, str):
                raise TypeError(
                    f"method {self.name!r} must give text as {field.name}, got {value!r}; leave out what it has none of"
                )


@dataclass(frozen=True)
class Distribution:
    """Where a plugin came from: an installed distribution, or a file given by ``--plugin``."""

    name: str
    version: str
