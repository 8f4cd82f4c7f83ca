"""``gzslbench data``: list, check, import, extract and fetch data sets."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gzslbench.cli.options import PathName, data_dir_option, data_options, many
from gzslbench.errors import UsageError
from gzslbench.text import one_line, printable, unfiltered

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

    from gzslbench.contract.dataset import DataSet, Split
    from gzslbench.data.audit import Finding
    from gzslbench.data.catalogue import Catalogue
    from gzslbench.data.importing import Sources

COLUMN = "COLUMN"
SIDE = click.Choice(["", "rows", "columns"])
EXISTING_FILE = PathName(path_type=Path, exists=True, dir_okay=False)


@click.group()
def data() -> None:
    """List, check, import, extract and fetch data sets."""


@data.command("list")
@data_options
def list_data(data_dirs: Sequence[Path], cache: Path) -> None:
    """List the data sets that are found, and the known ones that are missing."""
    from gzslbench.data.known import known

    catalogue = find_data(data_dirs, cache)
    for name in catalogue.names():
        folder, published = catalogue.folders.get(name.partition("@")[0]), known(name)
        summary = f"  ({published.summary})" if published else ""
        click.echo(f"{one_line(name):<16} {folder.path if folder else 'from a plugin'}{summary}")
    missing = catalogue.missing()
    if missing:
        click.echo("\nmissing:")
    for each in missing:
        click.echo(f"{one_line(each.name):<16} lacks {each.lacks}: {each.how_to_get}")


@data.command()
@click.argument("name")
@click.option("--split", "split_name", default="", help="Check this split alone. Default: all.")
@data_options
def check(name: str, split_name: str, data_dirs: Sequence[Path], cache: Path) -> None:
    """Audit the data set NAME: one line for each thing that is wrong. Exit code 3 where a run would be stopped.

    Its files are hashed again, whatever is remembered of them.
    """
    from gzslbench.data.audit import audit, require_sound

    dataset = find_data(data_dirs, cache).open(name, cache, recheck=True)
    describe(dataset)
    splits = [dataset.split(split_name)] if split_name else list(dataset.splits.values())
    for split in splits:
        describe_split(split, audit(dataset, split))
    for split in splits:
        require_sound(dataset, split)


@data.command("import")
@click.argument("name")
@click.option("--features", required=True, type=EXISTING_FILE, help="Features: .npy, .npz, .mat, .csv, .tsv, .txt.")
@click.option("--semantics", required=True, type=EXISTING_FILE, help="One vector per class, in the same formats.")
@click.option("--labels", type=EXISTING_FILE, help="Labels, names or numbers; may be in the file of the features.")
@click.option("--split", type=EXISTING_FILE, help="Index arrays, .mat or .npz. Default: one is proposed.")
@click.option("--first-label", type=click.IntRange(0, 1), help="The first class's number, where labels don't tell.")
@click.option("--label-column", default="", metavar=COLUMN, help="The column of the labels, where several may be it.")
@click.option("--class-column", default="", metavar=COLUMN, help="The column of the semantics that names the classes.")
@many("--drop-column", "dropped", metavar=COLUMN, help="Leave out this column, wherever it is; repeatable.")
@many("--keep-column", "kept", metavar=COLUMN, help="Take this column in, though it looks like ids; repeatable.")
@click.option("--header/--no-header", default=None, help="Whether the first row of a .csv names the columns.")
@click.option("--classes-in", default="", type=SIDE, help="Where classes lie in a bare matrix.")
@click.option("--shared-space", is_flag=True, help="Features and semantics are embeddings by one model, in one space.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1), help="Seed of the proposed split."
)
@data_dir_option
def import_data(
    name: str,
    label_column: str,
    class_column: str,
    dropped: Sequence[str],
    kept: Sequence[str],
    classes_in: str,
    seed: int,
    data_dirs: Sequence[Path],
    **files: Any,
) -> None:
    """Bring your own data in as the data set NAME, in the first data folder.

    It says how each file was understood. A COLUMN is a name in the header or a number from 1; to drop or keep a number,
    write its file before it, as in features:1.
    """
    from gzslbench.data.columns import Choices
    from gzslbench.data.importing import Sources

    choices = Choices(label_column, class_column, dropped, kept, classes_in)
    _import(name, _first(data_dirs), Sources(choices=choices, **files), seed)


def _import(name: str, data_dir: Path, sources: Sources, seed: int) -> None:
    from gzslbench.data.importing import import_data_set

    imported = import_data_set(name, data_dir, sources, seed)
    for line in imported.understood:
        click.echo(line)
    click.echo(f"wrote {imported.folder}")
    describe(imported.dataset)
    describe_split(imported.split, imported.findings)


@data.command("extract")
@click.argument("source", metavar="FOLDER", type=PathName(path_type=Path, exists=True))
@click.option(
    "--semantics", required=True, type=EXISTING_FILE, help="Classes: their names, and numbers or a text each."
)
@click.option("--name", default="", help="Name of the data set [default: that of the folder].")
@click.option("--backbone", default="", help="LIBRARY:MODEL [default: torchvision:resnet101; for texts, MiniLM].")
@click.option("--text-backbone", default="", help="What embeds texts of classes [default: the backbone, or MiniLM].")
@click.option("--weights", type=EXISTING_FILE, help="A file of weights, in place of those that the library fetches.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1.")
@click.option("--batch", default=32, show_default=True, type=click.IntRange(1), help="Items encoded at once.")
@click.option("--label-column", default="", metavar=COLUMN, help="In a table of texts: the column of the labels.")
@click.option("--class-column", default="", metavar=COLUMN, help="The column of the semantics that names the classes.")
@click.option("--text-column", default="", metavar=COLUMN, help="The column of the texts.")
@many("--drop-column", "dropped", metavar=COLUMN, help="Leave out this column of the semantics; repeatable.")
@many("--keep-column", "kept", metavar=COLUMN, help="Take this column in, though it looks like ids; repeatable.")
@click.option("--split", "split_file", type=EXISTING_FILE, help="Index arrays, .mat or .npz. Default: one is proposed.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1), help="Seed of the proposed split."
)
@data_dir_option
def extract_data(
    source: Path,
    name: str,
    device: str,
    label_column: str,
    class_column: str,
    text_column: str,
    dropped: Sequence[str],
    kept: Sequence[str],
    split_file: Path | None,
    seed: int,
    data_dirs: Sequence[Path],
    **of_raw: Any,
) -> None:
    """Make a data set of raw data: of FOLDER with a folder of images for each class, or of a table of labelled texts.

    A network of torchvision, timm or sentence-transformers makes the features (pip install 'gzslbench[extract]'); its
    name, the hash of its weights and its preprocessing are kept with the data set. Interrupted, the same command goes
    on. Images come in the order of their paths, which a split of your own counts by.
    """
    import shutil
    from dataclasses import replace

    from rich.progress import MofNCompleteColumn

    from gzslbench.data.columns import Choices
    from gzslbench.data.extracting import Raw, extract
    from gzslbench.data.folders import require_name

    name, data_dir = name or source.stem, _first(data_dirs)
    require_name(name)
    if (data_dir / name).exists():
        raise UsageError(f"{data_dir / name} exists", "choose another name, or remove it first")
    choices = Choices(label_column, class_column, dropped, kept, texts=text_column)
    raw = Raw(source, device=_device(device), columns=choices, **of_raw)
    work = data_dir / f".{name}.extracting"
    tasks: dict[str, TaskID] = {}
    with _bar(MofNCompleteColumn()) as bar:

        def show(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(printable(what))
            bar.update(tasks[what], completed=done, total=of)

        sources = extract(raw, work, show)
    _import(name, data_dir, replace(sources, split=split_file), seed)
    shutil.rmtree(work, ignore_errors=True)


def _device(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def _bar(*amounts: ProgressColumn) -> Iterator[Progress]:
    """Show bars while the body lasts, each with what it is about, some amounts, and the time that is left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), *amounts, TimeRemainingColumn())
    with Progress(*columns, transient=True, console=Console(file=unfiltered(sys.stdout))) as bar:
        yield bar


@data.command()
@click.argument("name")
@click.option("--url", default="", help="Address of a .zip or .tar archive. Default: the published one, where known.")
@click.option("--sha256", default="", help="SHA-256 that the archive must have.")
@data_options
def fetch(name: str, url: str, sha256: str, data_dirs: Sequence[Path], cache: Path) -> None:
    """Download the data set NAME and unpack it into the first data folder; goes on where an earlier try stopped."""
    from rich.progress import DownloadColumn, TransferSpeedColumn

    from gzslbench.data import fetching

    with _bar(DownloadColumn(), TransferSpeedColumn()) as bar:
        task = bar.add_task(printable(name), total=None)

        def show(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        fetched = fetching.fetch(name, _first(data_dirs), cache / "downloads", url, sha256, progress=show)
    checked = "" if sha256 else " (not checked: no --sha256)"
    click.echo(f"{fetched.folder}: {', '.join(fetched.files) or 'nothing new'}")
    click.echo(f"archive kept as {fetched.archive}, sha256 {fetched.sha256}{checked}")


def _first(data_dirs: Sequence[Path]) -> Path:
    if not data_dirs:
        raise UsageError("there is no data folder to write to", "give one with --data-dir or GZSLBENCH_DATA")
    return data_dirs[0]


def find_data(data_dirs: Sequence[Path], cache: Path) -> Catalogue:
    """Find data sets, those of plugins too; only plugins that declare any are loaded."""
    from gzslbench.data.catalogue import Catalogue
    from gzslbench.registry.declarations import find_plugins, read_listing

    declaring = dict.fromkeys(each.plugin for each in read_listing(find_plugins()) if each.kind == "data set")
    sources = {}
    if declaring:
        from gzslbench.registry.hosts import open_plugins

        registry = open_plugins(sources=declaring)
        for broken in registry.broken:
            click.echo(f"warning: plugin left out: {broken}", err=True)
        sources = {name: entry.data_source for name, entry in registry.of_kind("data set").items()}
    return Catalogue.find(data_dirs, sources, cache)


def describe(dataset: DataSet) -> None:
    """Print what a data set holds and where it comes from."""
    samples, dimensions = dataset.features.shape
    classes, attributes = dataset.semantics.shape
    hashes = ", ".join(f"{what} {digest}" for what, digest in dataset.fingerprint.items())
    click.echo(
        f"{dataset.name}: {samples:,} samples of {dimensions:,} dimensions, {classes} classes, {attributes}-d semantics"
    )
    click.echo(f"{dataset.provenance}\ncontent: {hashes}")
    for key, text in dataset.description.items():
        click.echo(f"{one_line(key)}: {one_line(text)}")
    if dataset.shared_space:
        click.echo("features and semantics share one space")


def describe_split(split: Split, findings: list[Finding] | None = None) -> None:
    """Print the sizes of a split and, where it was audited, what was found."""
    validation = "" if split.val_classes is None else f" ({len(split.val_classes)} for validation)"
    click.echo(
        f"split {split.name} ({split.fingerprint}): {len(split.seen_classes)} seen{validation} and "
        f"{len(split.unseen_classes)} unseen classes; {len(split.trainval):,} trainval, "
        f"{len(split.test_seen):,} test_seen, {len(split.test_unseen):,} test_unseen samples"
    )
    for line in map(str, findings or ()) if findings != [] else ["nothing wrong was found"]:
        click.echo(f"  {line}")
