"""What dataset.toml says of a data set, and what is said of a file that can't be used."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.data.catalogue import Catalogue
from gzslbench.data.description import FILE, MOST_BYTES, TEXTS, read_description, written
from gzslbench.data.importing import Sources, import_data_set
from gzslbench.errors import DataError

AS_WIDE = np.random.default_rng(2).normal(size=(7, 6))
"""Semantics of the six classes, as wide as the features."""


def opened(folder: Path, name: str = "TINY") -> Any:
    return Catalogue.find([folder.parent]).open(name, folder.parent.parent / "cache")


def test_without_a_file_nothing_is_said(make_folder: Any) -> None:
    data = opened(make_folder(splits={"att": AS_WIDE}))
    assert (data.shared_space, data.description) == (False, {})


def test_it_belongs_to_the_data_set_but_not_to_its_fingerprint(make_folder: Any) -> None:
    folder = make_folder(splits={"att": AS_WIDE})
    before = opened(folder)
    (folder / FILE).write_text('title = "Tiny"\nlicence = "CC0"\nshared_space = true\n')
    after = opened(folder)
    assert after.shared_space
    assert after.description == {"title": "Tiny", "licence": "CC0"}
    assert after.fingerprint == before.fingerprint
    assert after.provenance == before.provenance


def test_what_changes_in_it_is_noticed(make_folder: Any) -> None:
    folder = make_folder(splits={"att": AS_WIDE})
    for shared in (True, False, True):
        (folder / FILE).write_text(written({}, shared))
        assert opened(folder).shared_space is shared


def test_it_is_said_of_each_semantics_by_the_name_of_its_splits_file(make_folder: Any) -> None:
    make_folder()
    folder = make_folder(features_name="", splits_name="sent_splits.mat", splits={"att": AS_WIDE})
    (folder / FILE).write_text('shared_space = ["sent"]')
    assert not opened(folder).shared_space
    assert opened(folder, "TINY@sent").shared_space
    (folder / FILE).write_text("shared_space = true")
    assert opened(folder, "TINY@sent").shared_space
    with pytest.raises(DataError, match=r"of 7 and 4 dimensions can't share one space, as it declares; .* alone"):
        opened(folder)


FAULTS = [
    ("title = ", "dataset.toml can't be read: .*; it is TOML"),
    ("a = " + "[" * 5000, "dataset.toml can't be read: .*; it is TOML"),
    ("# " + "x" * MOST_BYTES, "dataset.toml can't be read: it takes more than 64 KiB"),
    ("title = 3", r"dataset.toml: title is 3; write text: title = \"...\""),
    ("sharedspace = true", "there is no entry 'sharedspace'; did you mean 'shared_space'"),
    ("shared_space = 'yes'", r"shared_space is 'yes'; write true, false, or a list such as \['att', 'sent'\]"),
    ("shared_space = [1]", "shared_space is"),
    ("shared_space = ['sents']", "shared_space names 'sents', and there is no sents_splits.mat; did you mean 'sent'"),
    ("shared_space = ['']", "shared_space names ''"),
]


@pytest.mark.parametrize(("text", "message"), FAULTS, ids=range(len(FAULTS)))
def test_a_file_that_can_not_be_used_is_named_with_the_entry(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(DataError, match=message):
        read_description(tmp_path, ["", "sent"])


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"title = '\xff'")
    with pytest.raises(DataError, match=r"dataset\.toml can't be read: .*utf-8"):
        read_description(tmp_path, [""])


@given(texts=st.dictionaries(st.sampled_from(TEXTS), st.text()), shared=st.booleans())
def test_what_is_written_is_read_again(texts: dict[str, str], shared: bool) -> None:
    assert tomllib.loads(written(texts, shared)) == texts | {"shared_space": shared}


def test_half_a_character_of_a_file_name_can_be_written() -> None:
    assert tomllib.loads(written({"source": "import of \udcff.npy"}, False))["source"] == "import of ?.npy"


def imported(place: Path, width: int, shared: bool) -> Any:
    rng = np.random.default_rng(0)
    arrays = {"features": rng.normal(size=(60, 5)), "semantics": rng.normal(size=(6, width))}
    np.savez(place / "mine.npz", labels=np.repeat(np.arange(6), 10), **arrays)
    mine = place / "mine.npz"
    return import_data_set("MINE", place / "data", Sources(mine, mine, first_label=0, shared_space=shared))


@pytest.mark.parametrize("shared", [True, False])
def test_an_import_writes_it(tmp_path: Path, shared: bool) -> None:
    made = imported(tmp_path, width=5, shared=shared)
    data = Catalogue.find([tmp_path / "data"]).open("MINE", tmp_path / "cache")
    assert data.shared_space is made.dataset.shared_space is shared
    assert data.description == {"source": "import of mine.npz"}


def test_an_import_of_other_widths_into_one_space_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="features and semantics of 5 and 4 dimensions can't share one space"):
        imported(tmp_path, width=4, shared=True)
    assert not (tmp_path / "data" / "MINE").exists()
