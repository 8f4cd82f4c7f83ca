"""What every record of a bundle must be, one function a check.

Each gives a line that says what was found in order, and raises :class:`BundleError` for what is not. Checks that need
labels raise :class:`UncheckedError` where the data is not here.
"""

from __future__ import annotations

from gzslbench.contract.protocol import PROTOCOLS
from gzslbench.contract.random_streams import CORE_SEEDS
from gzslbench.errors import ContractError, counted
from gzslbench.records.differences import metric_changes
from gzslbench.records.names import row_name
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.submission.agreement import contradiction
from gzslbench.submission.bundle import folder_of
from gzslbench.submission.case import Case, DoubtError, check_known
from gzslbench.submission.claims import check_name, check_record, registry_with
from gzslbench.submission.manifest import DataEntry, grouped
from gzslbench.submission.reading import hashes_with
from gzslbench.submission.submit import chosen_by_hand, foreign_part, seeds_of


def check_keys(case: Case) -> str:
    """Every record lies where its key's digest, computed anew, puts it; so nothing of a key was changed afterwards."""
    for cell in case.cells:
        key = cell.record.key
        if cell.folder != folder_of(key):
            raise BundleError(
                f"{cell.folder}: its key has the digest {key.digest()}, and seed {key.seed}",
                "the record was relabelled",
            )
    return f"{counted(len(case.cells), 'digest')} computed anew"


def check_manifest(case: Case) -> str:
    """The manifest says of the records what they say themselves."""
    manifest, records = case.bundle.manifest, [cell.record for cell in case.cells]
    if not records:
        raise BundleError("the bundle holds no record", "make it with gzslbench submit")
    for record in records:
        if record.method != manifest.method:
            raise BundleError(f"a record is of '{record.method}', the bundle of '{manifest.method}'", "one method each")
    protocols, data = {record.key.protocol for record in records}, {DataEntry.of(record.key) for record in records}
    if (set(manifest.protocols), set(manifest.data)) != (protocols, data):
        raise BundleError("the manifest names other protocols or data than the records", "make the bundle again")
    return f"{', '.join(sorted({row_name(record) for record in records}))} on {', '.join(map(str, manifest.data))}"


def check_declarations(case: Case) -> str:
    """Settings that are not the recipe's were chosen on something, and the author says on what."""
    chosen_on = case.bundle.manifest.declarations.chosen_on
    what = chosen_by_hand([cell.record for cell in case.cells], chosen_on)
    if what:
        raise DoubtError(what, "ask the author what they were chosen on")
    return f"hyper-parameters chosen on: {chosen_on}"


def check_protocol(case: Case) -> str:
    """Ranked protocols alone, of this version, under which test labels were read once."""
    for cell in case.cells:
        key, test_reads = cell.record.key, cell.record.test_reads
        protocol = PROTOCOLS.get(key.protocol)
        if protocol is None or protocol.version != key.protocol_version:
            raise BundleError(f"there is no protocol '{key.protocol}' of version {key.protocol_version}", "run again")
        if not protocol.ranked:
            raise BundleError(f"the protocol '{key.protocol}' is not ranked", "submit another, such as inductive")
        if test_reads != 1:
            raise BundleError(f"{cell} read test labels {test_reads} times", f"'{key.protocol}' allows one")
    return f"{', '.join(case.bundle.manifest.protocols)}: ranked, one reading of test labels each"


def check_seeds(case: Case) -> str:
    """All core seeds and no other, or 0 alone where nothing is drawn; one configuration on each data set and split."""
    for records in grouped((cell.record for cell in case.cells), lambda record: record.key):
        keys = [record.key for record in records]
        what, seeds = f"{DataEntry.of(keys[0])}, {keys[0].protocol}", tuple(key.seed for key in keys)
        wanted = seeds_of(records)
        if seeds != wanted:
            raise BundleError(
                f"{what}: there are seeds {', '.join(map(str, seeds))}",
                f"submit {', '.join(map(str, wanted))}, {'all of them' if len(wanted) > 1 else 'it'} and no other",
            )
        if len({each.key.with_seed(0).digest() for each in records}) > 1:
            raise BundleError(f"{what}: settings or code differ between seeds", "submit one configuration")
    if case.bundle.manifest.seeds != CORE_SEEDS:
        raise BundleError("the manifest names other seeds than the core ones", "make the bundle again")
    return f"core seeds {CORE_SEEDS[0]}-{CORE_SEEDS[-1]}, or one where nothing is drawn, everywhere"


def check_code(case: Case) -> str:
    """Every component's code is that of the source in the bundle, or gzslbench's own, whose names stay its own."""
    registry_with(case.plugins)
    hashes = hashes_with(case.plugins)
    for cell in case.cells:
        part = foreign_part(cell.record.key, hashes)
        if part:
            raise BundleError(
                f"'{part.name}' has the code {part.code}, which neither the source in the bundle nor gzslbench has",
                "make the bundle with the source that made the records",
            )
    return "the source in the bundle made the records" if case.bundle.source else "every component is gzslbench's own"


def check_claims(case: Case) -> str:
    """What every record says of itself follows from its key and from source, and its name stands for that alone."""
    for cell in case.cells:
        try:
            check_record(cell.record, case.plugins)
        except BundleError as error:
            raise BundleError(f"{cell}: {error.what}", error.remedy) from None
    _check_names(case)
    unverified = "device, chosen steps and settings, notes and curves are not verified"
    return f"method, settings, budget and needs follow from keys and source; {unverified}"


def _check_names(case: Case) -> None:
    """Refuse names that look like those of other submissions, and doubt those that other code has there."""
    hashes = hashes_with(case.plugins)
    theirs: set[str] = set()
    for _, result in case.rivals:
        foreign = {part.name for part in result.key.parts if part and hashes.get(part.name) != part.code}
        theirs |= foreign | ({result.method} if foreign else set())
    for name in sorted(each.info.name for plugin in case.plugins for each in plugin.declared):
        check_name(name, theirs)
        if name in theirs:
            raise DoubtError(
                f"there are results of '{name}' whose code is another",
                "rename it; if it is a new version by the same author, --allow-doubts passes it",
            )


def check_data(case: Case) -> str:
    """The data is that of a leaderboard, and the verifier's own where it is here."""
    for cell in case.cells:
        check_known(cell.record.key)
    same = {str(DataEntry.of(cell.record.key)) for cell, _ in case.judged()}
    return f"{', '.join(sorted(same))}: same content as ours"


def check_predictions(case: Case) -> str:
    """Every test sample is predicted once, as one of its classes, and all arrays fit together."""
    for cell, answers in case.judged():
        try:
            answers.require(cell.predictions)
        except ContractError as error:
            raise BundleError(f"{cell}: {error.what}", error.remedy) from None
        wrong = contradiction(cell.predictions, answers)
        if wrong:
            raise BundleError(f"{cell}: {wrong}", "it was edited")
    return f"{sum(len(cell.predictions.samples) for cell in case.cells):,} predictions of test samples"


def check_metrics(case: Case) -> str:
    """The metrics of every record are those that its predictions have by the verifier's own labels."""
    for cell, answers in case.judged():
        for name, (given, computed) in metric_changes(cell.record.metrics, answers.score(cell.predictions)).items():
            raise BundleError(f"{cell}: {name} is given as {given}", f"its predictions have {computed}")
    return f"computed anew from the predictions of {counted(len(case.cells), 'cell')}, with our own labels"
