"""Making a bundle of a method's records, or saying in one sentence why they can't be submitted."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from gzslbench.contract.protocol import protocol_named
from gzslbench.contract.random_streams import CORE_SEEDS
from gzslbench.errors import UsageError, nearest
from gzslbench.records.exchange.opening import open_results
from gzslbench.records.names import row_name
from gzslbench.records.record import CellKey, PartKey, Record
from gzslbench.records.results import Results, summaries
from gzslbench.records.store import PREDICTIONS, RECORD
from gzslbench.records.summary import RecordSummary, full_key
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.registry.combinations import FULL
from gzslbench.registry.declarations import find_plugins
from gzslbench.registry.source_hash import source_hash
from gzslbench.submission.bundle import Bundle, bundle_of, folder_of, write_bundle
from gzslbench.submission.case import check_known
from gzslbench.submission.claims import check_record, completed
from gzslbench.submission.line import last_line
from gzslbench.submission.manifest import SOURCE, DataEntry, Declarations, Manifest, grouped
from gzslbench.submission.reading import declared_in, hashes_with
from gzslbench.submission.source import Packed, pack

DEFAULTS = ("default", "defaults")
"""What an author declares who has chosen nothing."""


@dataclass(frozen=True)
class Submission:
    """What the user wants to submit; empty ``protocols`` and ``data_sets`` stand for all ranked ones, and for all.

    Without a ``budget``, of several settings those of the full recipe are submitted.
    """

    method: str
    results: Path
    declarations: Declarations
    plugin: Path | None = None
    protocols: Sequence[str] = ()
    data_sets: Sequence[str] = ()
    budget: str = ""


def submit(submission: Submission, out: Path) -> Bundle:
    """Write a bundle that can be read back; raises :class:`BundleError` or :class:`UsageError` where there is none."""
    if out.exists() or not out.parent.is_dir():
        what = f"{out} is there already" if out.exists() else f"there is no folder {out.parent}"
        raise UsageError(what, "name another file with --out")
    results = open_results(submission.results)
    packed = pack(submission.plugin) if submission.plugin else Packed({}, ())
    plugins = declared_in(packed.files)
    hashes = hashes_with(plugins)
    mine = chosen(summaries(results), submission)
    groups = [_current(group, hashes, submission) for group in grouped(mine, full_key)]
    keys = sorted((full_key(result) for group in groups for result in group), key=_order)
    for key in keys:
        check_known(key)
    records = [completed(results.record(key), plugins) for key in keys]
    for of_seeds in grouped(records, lambda record: record.key):
        _check_seeds(of_seeds)
    if submission.plugin:
        _check_plugin(submission.plugin, packed, {plugin.code for plugin in plugins})
    for record in records:
        check_record(record, plugins)
    doubt = chosen_by_hand(records, submission.declarations.chosen_on)
    if doubt:
        raise BundleError(doubt, "say what they were chosen on with --declare chosen_on=...")
    written = io.BytesIO()
    write_bundle(written, _manifest(submission, records, packed), _files(results, records, packed))
    bundle = bundle_of(written.getvalue(), out.name)
    try:
        out.write_bytes(written.getvalue())
    except OSError as error:
        raise UsageError(f"can't write {out}: {error.strerror}", "name another file with --out") from None
    return bundle


def run_check(plugin: str) -> subprocess.CompletedProcess[str]:
    """Put a plugin through the contract's tests, in a process of its own."""
    command = [sys.executable, "-P", "-m", "gzslbench", "check", plugin]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def chosen(results: Sequence[RecordSummary], submission: Submission) -> list[RecordSummary]:
    """Choose the records of the method, and of what else was named.

    Raises :class:`UsageError` where there are none, and :class:`BundleError` for a protocol that is not ranked.
    """
    mine = [result for result in results if result.method == submission.method]
    if not mine:
        methods = {result.method for result in results}
        raise UsageError(
            f"{submission.results} has no record of '{submission.method}'",
            nearest(submission.method, methods) if methods else "run it first, with gzslbench run",
        )
    present = sorted({each.key.protocol for each in mine})
    protocols = submission.protocols or [name for name in present if protocol_named(name).ranked]
    for name in protocols or present:
        if not protocol_named(name).ranked:
            raise BundleError(
                f"the protocol '{name}' is not ranked", "submit records of another one, such as inductive"
            )
    data_sets = {each.key.data_set for each in mine}
    for name in submission.data_sets:
        if name not in data_sets:
            what = f"{submission.results} has no record of '{submission.method}' on what was named: '{name}'"
            raise UsageError(what, nearest(name, data_sets))
    found = [
        each
        for each in mine
        if each.key.protocol in protocols
        and each.seed in ((0,) if each.deterministic else CORE_SEEDS)
        and (not submission.data_sets or each.key.data_set in submission.data_sets)
    ]
    if not found:
        raise UsageError(
            f"{submission.results} has no record of '{submission.method}' on what was named",
            "leave out --dataset and --protocol, or run it there first",
        )
    return found


def _order(key: CellKey) -> tuple[str | int, ...]:
    return key.data_set, key.protocol, key.split, key.features, key.seed, key.digest()


def _current(
    results: Sequence[RecordSummary], hashes: Mapping[str, str], submission: Submission
) -> list[RecordSummary]:
    """Give the results on one data set, split and protocol that the source at hand would have made."""
    foreign = [foreign_part(result.key, hashes) for result in results]
    current = [result for result, part in zip(results, foreign, strict=True) if part is None]
    part = foreign[0]
    if not current and part is not None:
        if submission.plugin is None and part.name not in hashes:
            raise UsageError(f"'{part.name}' is none of gzslbench's own components", "give its source with --plugin")
        raise BundleError(
            f"the records on {DataEntry.of(full_key(results[0]))} come from another version of '{part.name}' than the "
            "source given",
            "run them again with this source, or give the source that made them with --plugin",
        )
    return _of_one_recipe(current, submission.budget)


def _of_one_recipe(results: Sequence[RecordSummary], budget: str) -> list[RecordSummary]:
    """Choose the results with the recipe of a budget; without one named, those with the full recipe among several."""
    if not budget and len({result.configuration for result in results}) == 1:
        return list(results)
    by_budget: dict[str, list[RecordSummary]] = {}
    for result in results:
        if result.deviations == {}:
            by_budget.setdefault(result.budget or FULL, []).append(result)
    found = by_budget.get(budget or FULL, [])
    if len({result.configuration for result in found}) == 1:
        return found
    entry, others = DataEntry.of(full_key(results[0])), [name for name in by_budget if name != (budget or FULL)]
    if found:
        what = f"there are records with several settings on {entry}"
    else:
        what = f"the records on {entry} are of several settings, none with the recipe of the budget '{budget or FULL}'"
    remedy = "run the settings that you submit into a folder of their own, and name it with --results"
    raise BundleError(what, " or ".join([*(f"add --budget {name}" for name in sorted(others) if not found), remedy]))


def foreign_part(key: CellKey, hashes: Mapping[str, str]) -> PartKey | None:
    """Find a component of a key whose code is none of the hashes, which are by the components' names."""
    return next((part for part in key.parts if part and hashes.get(part.name) != part.code), None)


def chosen_by_hand(records: Iterable[Record], chosen_on: str) -> str:
    """Say whose settings are not the recipe's, though they are declared to be the defaults; empty where none are."""
    rows = sorted({row_name(record) for record in records if record.deviations != {}})
    if not rows or chosen_on.strip().casefold() not in DEFAULTS:
        return ""
    return f"the settings of {', '.join(rows)} are not the recipe's, so they were not chosen on '{chosen_on}'"


def seeds_of(records: Sequence[Record]) -> tuple[int, ...]:
    """Say which seeds are submitted of a configuration: all core ones, or 0 alone where nothing is drawn."""
    return (0,) if all(record.deterministic for record in records) else CORE_SEEDS


def _check_seeds(group: Sequence[Record]) -> None:
    key, missing = group[0].key, sorted(set(seeds_of(group)) - {record.key.seed for record in group})
    if missing:
        raise BundleError(
            f"of the core seeds, {', '.join(map(str, missing))} are missing on {DataEntry.of(key)}, "
            f"protocol {key.protocol}",
            f"run them with --seeds {CORE_SEEDS[0]}-{CORE_SEEDS[-1]}: all core seeds are submitted, or none",
        )


def _check_plugin(source: Path, packed: Packed, codes: Set[str]) -> None:
    """Put the plugin through the contract's tests: a file as it is, a package as it is installed here."""
    if source.is_dir() and not codes <= set(map(source_hash, find_plugins())):
        raise BundleError("the package is not installed as its source is", "install it with pip install, and run again")
    for plugin in packed.plugins if source.is_dir() else [str(source)]:
        checked = run_check(plugin)
        if checked.returncode != 0:
            last = last_line(checked.stdout + checked.stderr, "it said nothing")
            raise BundleError(f"gzslbench check {plugin} fails: {last}", "fix what it names, and run again")


def _manifest(submission: Submission, records: Sequence[Record], packed: Packed) -> Manifest:
    keys = [record.key for record in records]
    return Manifest(
        method=submission.method,
        protocols=tuple(sorted({key.protocol for key in keys})),
        data=tuple(sorted({DataEntry.of(key) for key in keys}, key=str)),
        seeds=CORE_SEEDS,
        plugin=packed.plugins[0] if packed.plugins else "",
        declarations=submission.declarations,
        packages={each.name: each.version for each in distributions() if each.name},
        created=max(record.created for record in records),
    )


def _files(results: Results, records: Sequence[Record], packed: Packed) -> dict[str, bytes]:
    files = {f"{SOURCE}{name}": content for name, content in packed.files.items()}
    for record in records:
        folder, arrays = folder_of(record.key), io.BytesIO()
        results.predictions(record.key).save(arrays)
        files[f"{folder}/{RECORD}"] = record.to_json().encode()
        files[f"{folder}/{PREDICTIONS}"] = arrays.getvalue()
    return files
