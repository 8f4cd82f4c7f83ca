"""The record of one cell: what was run, what decided its result, what came out, and how long it took."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Interval

from gzslbench.contract.parts import Parts, combination_name
from gzslbench.errors import RecordError
from gzslbench.records.bounds import (
    Count,
    Device,
    Flag,
    Mebibytes,
    MethodName,
    Name,
    Positive,
    Precision,
    ProtocolName,
    Report,
    Seconds,
    Seed,
    Text,
    Time,
    Words,
)
from gzslbench.records.curves import LossCurve
from gzslbench.records.metrics import Metrics
from gzslbench.records.upgrade import FIRST_VERSION, UPGRADES, parsed, upgraded
from gzslbench.records.validation import validated

SCHEMA_VERSION = FIRST_VERSION + len(UPGRADES)
KEY_VERSION = 1
KeyVersion = Annotated[Positive, Interval(le=KEY_VERSION)]

Json = Any
"""A JSON value: pydantic checks the shape of a record, components choose what their settings hold."""

_READING: dict[str, str | bool] = {"extra": "forbid", "allow_inf_nan": False}
"""A field that this version doesn't know may change what the others mean, so it isn't passed over."""


@dataclass(frozen=True)
class PartKey:
    """What decides how one component behaves: its name, its settings in full, and a hash of its plugin's source."""

    name: Name
    config: dict[Words, Json]
    code: Name

    @cached_property
    def digest(self) -> str:
        """Hash the canonical JSON of this part; kept, since thousands of cells share a part."""
        written = canonical_json({"name": self.name, "config": self.config, "code": self.code})
        return hashlib.sha256(written.encode()).hexdigest()


@dataclass(frozen=True)
class CellKey:
    """Everything that decides a cell's result, and nothing else.

    ``features``, ``labels`` and ``semantics`` are content hashes of the data, ``split_hash`` one of the index arrays.
    ``candidates`` are the settings that a selecting protocol chose from.
    """

    data_set: Words
    features: Name
    labels: Name
    semantics: Name
    split: Words
    split_hash: Name
    protocol: ProtocolName
    protocol_version: Positive
    generator: PartKey | None
    gate: PartKey
    classifier: PartKey
    seed: Seed
    device: Device = "cpu"
    precision: Precision = "float32"
    candidates: tuple[dict[Name, dict[Words, Json]], ...] = ()
    version: KeyVersion = KEY_VERSION

    @property
    def parts(self) -> Parts[PartKey]:
        return Parts(self.generator, self.gate, self.classifier)

    @property
    def combination(self) -> str:
        """The components' names, ``generator+gate+classifier``; ``none`` where there is no generator."""
        return combination_name(self.parts)

    @property
    def configuration(self) -> CellKey:
        """What the seeds and splits of one configuration share: the key with seed 0 and no split."""
        return replace(self, seed=0, split="", split_hash="")

    def digest(self) -> str:
        """Hash the key's canonical JSON, in which digests stand for the parts: 16 hexadecimal digits."""
        before, after = self._around_seed
        return hashlib.sha256(f"{before}{self.seed}{after}".encode()).hexdigest()[:16]

    def with_seed(self, seed: int) -> CellKey:
        """Give the same key with another seed, in a tenth of the time of making it: plans hold many thousands."""
        key = object.__new__(CellKey)
        vars(key).update(vars(self), _around_seed=self._around_seed, seed=seed)
        return key

    @cached_property
    def _around_seed(self) -> tuple[str, str]:
        """The canonical JSON before and after the seed's value, kept for keys that differ in nothing else."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "seed"}
        values |= {"generator": None} | {role: part.digest for role, part in self.parts.by_role().items()}
        before = canonical_json({name: value for name, value in values.items() if name < "seed"})
        after = canonical_json({name: value for name, value in values.items() if name > "seed"})
        return f'{before[:-1]},"seed":', f",{after[1:]}"


@dataclass(frozen=True)
class Phase:
    """Time of one phase: wall time, the process's time on all its cores, and the GPU's time where there is one."""

    wall_s: Seconds
    cpu_s: Seconds
    device_s: Seconds | None = None

    def __add__(self, other: Phase) -> Phase:
        """Add times up; the GPU's is known where it is of either."""
        on_device = [each.device_s for each in (self, other) if each.device_s is not None]
        return Phase(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s, sum(on_device) if on_device else None)


@dataclass(frozen=True)
class Timings:
    """Phases of a cell. ``fit_generator`` and ``synthesise`` are shared by the cells of a group and repeated in each.

    What a component takes longer in its first prediction than in the next ones counts as fitting it. ``predict_s``
    holds repeated predictions of all test samples. ``warm_up_s`` went untimed before: a first training step of the
    process, and the rest of a first prediction. ``jobs`` groups ran on the machine at once; ``evaluation_s`` is time
    that a selecting protocol spent looking at candidates, outside all phases.
    """

    fit_generator: Phase | None
    synthesise: Phase | None
    fit_gate: Phase
    fit_classifier: Phase
    predict_s: tuple[Seconds, ...]
    test_samples: Count
    warm_up_s: Seconds
    evaluation_s: Seconds
    jobs: Positive
    peak_memory_mib: Mebibytes
    peak_device_mib: Mebibytes | None
    seeds_together: Positive = 1
    """How many seeds the generator was trained for at once: ``fit_generator`` is the time of all of them."""

    @property
    def fit_s(self) -> float:
        """Wall time from the first training step to a fitted classifier, in seconds."""
        return sum((phase.wall_s for phase in self.fits), 0.0)

    @property
    def fits(self) -> list[Phase]:
        phases = (self.fit_generator, self.synthesise, self.fit_gate, self.fit_classifier)
        return [phase for phase in phases if phase]


@dataclass(frozen=True)
class Environment:
    """Where a record was made. Times only compare inside one ``machine_class``."""

    machine_class: Words
    cpu: Words
    gpu: Words | None
    threads: Positive
    platform: Words
    packages: dict[Words, Words]


@dataclass(frozen=True)
class Origin:
    """The distribution that a component came from."""

    distribution: Words
    version: Words


@dataclass(frozen=True)
class Record:
    """The result of one cell, complete or absent."""

    __pydantic_config__: ClassVar[dict[str, str | bool]] = _READING

    key: CellKey
    method: MethodName
    """The method's name, or the combination where components were chosen one by one."""
    budget: Name | Literal[""]
    metrics: Metrics
    timings: Timings
    environment: Environment
    origins: dict[Name, Origin]
    test_reads: Count
    """How often test labels were read for this result."""
    data_warnings: tuple[Text, ...]
    data_source: Text
    """The folder's name and the hashes of its files; no path."""
    unseen_semantics: Flag
    """Whether anything of the unseen classes was used before test time (the column UD)."""
    generative: Flag
    """Whether a generator took part (the column GM)."""
    selection: dict[Words, Json] = field(default_factory=dict)
    """What a selecting protocol chose: steps per stage, settings, and the score they won with."""
    notes: dict[Words, Json] = field(default_factory=dict)
    curves: dict[Words, LossCurve] = field(default_factory=dict)
    deviations: dict[Words, Json] | None = None
    """Settings, by ``component.setting``, that are not those of the recipe of ``budget``; None where an earlier version
    did not say. A setting that a protocol chose is ``{"one of": [...]}``."""
    deterministic: Flag = False
    """Whether every component declares that it draws nothing at random, so that one seed stands for all."""
    created: Time = ""
    """UTC, ISO 8601."""
    schema_version: int = SCHEMA_VERSION

    @property
    def digest(self) -> str:
        return self.key.digest()

    def to_json(self) -> str:
        return canonical_json(asdict(self)) + "\n"

    @staticmethod
    def from_json(text: str | bytes, origin: str = "record.json") -> Record:
        """Read a record, upgrading one of an earlier schema version.

        Raises :class:`RecordError` naming ``origin`` where the text is not a record, or one of a later version.
        """
        return Record.from_values(parsed(text, origin), origin)

    @staticmethod
    def from_values(values: dict[str, Json], origin: str) -> Record:
        """As :meth:`from_json`, of JSON that has been read."""
        record = validated(Record, upgraded(values, origin), origin)
        settings = [part.config for part in record.key.parts.by_role().values()]
        try:
            canonical_json([record.notes, record.selection, record.deviations, record.key.candidates, settings])
        except ValueError as error:  # 1e999 is JSON, but not a number that can be kept
            raise RecordError(f"{origin} is not a record: {error}", "delete it and run again") from None
        return record


@dataclass(frozen=True)
class Failure:
    """Why a cell has no record; kept beside the records, and retried by the next run."""

    __pydantic_config__: ClassVar[dict[str, str | bool]] = _READING

    key: CellKey
    method: MethodName
    kind: Literal["error", "contract", "protocol", "diverged", "timeout", "out of memory", "crash", "data"]
    phase: Words
    """What went on: ``fit generator``, ``synthesise``, ``fit gate``, ``fit classifier``, ``predict`` or ``score``."""
    reason: Report
    """One sentence."""
    traceback: Report = ""
    created: Time = ""
    deviations: dict[Words, Json] | None = None

    def to_json(self) -> str:
        """Write the failure as indented JSON with sorted keys."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, allow_nan=False) + "\n"

    @staticmethod
    def from_json(text: str | bytes, origin: str = "failure.json") -> Failure:
        """Read a failure; raises :class:`RecordError` naming ``origin`` where the text is not one."""
        return validated(Failure, parsed(text, origin), origin)


def key_as_written(values: dict[str, Json], origin: str) -> CellKey:
    """Read the key in a record's JSON as its version spelled it, which decided the names of its files."""
    return validated(CellKey, values["key"], origin)


def canonical_json(value: Json) -> str:
    """Write JSON in one way only: sorted keys, no spaces, no NaN."""
    return _CANONICAL.encode(value)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
