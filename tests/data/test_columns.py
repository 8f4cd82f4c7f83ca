"""Tables as people write them: each becomes the same data set, or is refused with the option that decides."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.io

from gzslbench.data.columns import Choices
from gzslbench.data.importing import Imported, Sources, import_data_set
from gzslbench.errors import DataError, UsageError

RNG = np.random.default_rng(0)
CLASSES, DIMENSIONS, ATTRIBUTES = 6, 5, 4
ROWS = RNG.permutation(np.repeat(np.arange(CLASSES), 10))
FEATURES = RNG.normal(size=(60, DIMENSIONS)).astype(np.float32).round(4)
SEMANTICS = RNG.normal(size=(CLASSES, ATTRIBUTES)).astype(np.float32).round(4)
NAMES = np.array(["ant", "NA", "Käfer", "None", "nan", "big fox"])
IDS = np.array([3, 17, 40, 41, 500, 999])
ORDER = RNG.permutation(60)
"""As pandas leaves the index of shuffled samples."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with each table as a bare matrix."""
    np.save(tmp_path / "X.npy", FEATURES)
    np.save(tmp_path / "y.npy", ROWS)
    np.save(tmp_path / "A.npy", SEMANTICS)
    return tmp_path


def imported(place: Path, X: str = "X.npy", A: str = "A.npy", y: str = "y.npy", **options: Any) -> Imported:
    of_sources = {name: options.pop(name) for name in ("first_label", "header") if name in options}
    labels = place / y if y else None
    sources = Sources(place / X, place / A, labels, choices=Choices(**options), **of_sources)
    return import_data_set("MINE", place / "data", sources)


def is_right(result: Imported, names: Any = None) -> bool:
    np.testing.assert_array_equal(result.dataset.features, FEATURES)
    np.testing.assert_array_equal(result.dataset.labels, ROWS)
    np.testing.assert_array_equal(result.dataset.semantics, SEMANTICS)
    assert names is None or result.dataset.class_names == tuple(map(str, names))
    assert len(result.understood) == 3
    return True


def features(**columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame(FEATURES)
    for title, values in columns.items():
        frame.insert(0, title, values)
    return frame


def attributes(*titles: str, **columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame(SEMANTICS, columns=titles or [f"a{i}" for i in range(ATTRIBUTES)])
    for title, values in columns.items():
        frame.insert(0, title, values)
    return frame


def decimal_commas(path: Path) -> None:
    features().to_csv(path, sep=";", decimal=",", index=False)


def quoted(path: Path) -> None:
    features().to_csv(path, quoting=csv.QUOTE_ALL)


def twice_indexed(path: Path) -> None:
    features().to_csv(path)
    pd.read_csv(path).to_csv(path)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: features().to_csv(path),
        lambda path: features().to_csv(path, index=False),
        lambda path: features().to_csv(path, header=False),
        lambda path: features().to_csv(path, header=False, index=False),
        lambda path: features().to_csv(path, index_label="index"),
        lambda path: features(id=ORDER * 7).to_csv(path, index=False),
        lambda path: features().set_index(ORDER).to_csv(path),
        lambda path: features(file=[f"{i}.jpg" for i in ORDER]).to_csv(path, index=False),
        lambda path: features(file=[f"{i}.jpg" for i in ORDER]).to_csv(path, index=False, header=False),
        lambda path: features(empty=np.nan).to_csv(path, index=False),
        lambda path: features().rename(columns=lambda i: i + 1).to_csv(path, index=False),
        lambda path: features().to_csv(path, sep="\t"),
        lambda path: features().to_csv(path, sep=";"),
        lambda path: features().to_csv(path, sep=" ", index=False, header=False),
        lambda path: features().to_csv(path, encoding="utf-8-sig"),
        lambda path: features().to_csv(path, lineterminator="\r\n"),
        lambda path: np.savetxt(path, FEATURES),
        lambda path: pd.DataFrame(FEATURES.T).to_csv(path, header=False, index=False),
        decimal_commas,
        quoted,
        twice_indexed,
    ],
)
@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_features_are_read_as_meant(place: Path, write: Callable[[Path], None], ending: str) -> None:
    write(place / "table.csv")
    if ending == ".csv.gz":
        (place / "table.csv.gz").write_bytes(gzip.compress((place / "table.csv").read_bytes()))
    assert is_right(imported(place, X=f"table{ending}"))


@pytest.mark.parametrize(
    ("write", "names"),
    [
        (lambda path: attributes().to_csv(path), None),
        (lambda path: attributes(*"0123").to_csv(path, index=False), None),
        (lambda path: attributes(*"0123").to_csv(path), None),
        (lambda path: attributes().set_index(NAMES).to_csv(path), NAMES),
        (lambda path: attributes(*"0123").set_index(NAMES).to_csv(path), NAMES),
        (lambda path: attributes(name=NAMES).to_csv(path, index=False), NAMES),
        (lambda path: attributes(name=NAMES, id=range(1, 7)).to_csv(path, index=False), NAMES),
        (lambda path: attributes(name=NAMES).to_csv(path), NAMES),
        (lambda path: attributes(name=NAMES).to_csv(path, index=False, header=False, sep=";"), NAMES),
        (lambda path: attributes().to_csv(path, index=False, header=False), None),
        (lambda path: pd.DataFrame(SEMANTICS.T).to_csv(path, index=False, header=False), None),
    ],
)
def test_semantics_are_read_as_meant(place: Path, write: Callable[[Path], None], names: Any) -> None:
    write(place / "table.csv")
    assert is_right(imported(place, A="table.csv"), names)
    if names is not None:
        pd.DataFrame({"label": NAMES[ROWS]}).to_csv(place / "names.csv", index=False)
        result = import_data_set(
            "AGAIN", place / "data", Sources(place / "X.npy", place / "table.csv", place / "names.csv")
        )
        assert is_right(result, names)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: pd.Series(ROWS).to_csv(path),
        lambda path: pd.Series(ROWS).to_csv(path, index=False),
        lambda path: pd.Series(ROWS).to_csv(path, index=False, header=False),
        lambda path: pd.Series(ROWS).to_csv(path, header=False),
        lambda path: pd.DataFrame({"file": [f"{i}.jpg" for i in range(60)], "label": ROWS}).to_csv(path, index=False),
        lambda path: pd.Series(ROWS + 1).to_csv(path, index=False),
        lambda path: pd.Series(ROWS.astype(float)).to_csv(path, index=False),
    ],
)
def test_labels_are_read_as_meant(place: Path, write: Callable[[Path], None]) -> None:
    write(place / "labels.csv")
    assert is_right(imported(place, y="labels.csv"))


@pytest.mark.parametrize(
    "table",
    [
        features(label=NAMES[ROWS]),
        features(species=NAMES[ROWS], id=ORDER),
        features(species=NAMES[ROWS], file=[f"{i}.jpg" for i in range(60)]),
        features(anything=NAMES[ROWS]),
        features(label=IDS[ROWS]),
        features(target=IDS[ROWS].astype(float)),
    ],
)
def test_labels_may_lie_among_the_features(place: Path, table: pd.DataFrame) -> None:
    attributes(name=NAMES, id=IDS).to_csv(place / "A.csv", index=False)
    for index in (False, True):
        table.to_csv(place / "X.csv", index=index)
        assert is_right(imported(place, X="X.csv", A="A.csv", y=""), NAMES)
        (place / "data" / "MINE").rename(place / "data" / f"DONE{index}")


@pytest.mark.parametrize(
    "semantics",
    [
        attributes(id=IDS),
        attributes(class_id=IDS),
        attributes().set_index(IDS),
        attributes(id=IDS).iloc[::-1],
        attributes(number_of_species=IDS),
    ],
)
def test_numbers_with_gaps_find_their_class_by_its_id(place: Path, semantics: pd.DataFrame) -> None:
    np.save(place / "y.npy", IDS[ROWS])
    semantics.to_csv(place / "A.csv", index=semantics.columns[0] == "a0")
    choices = {"classes": "number_of_species"} if "number_of_species" in semantics else {}
    result = imported(place, A="A.csv", **choices).dataset
    np.testing.assert_array_equal(result.semantics[result.labels], SEMANTICS[ROWS])
    assert [result.class_names[row] for row in result.labels] == [str(IDS[row]) for row in ROWS]


def test_classes_may_be_columns_under_their_names(place: Path) -> None:
    turned = pd.DataFrame(SEMANTICS.T, columns=NAMES, index=[f"attribute {i}" for i in range(ATTRIBUTES)])
    pd.Series(NAMES[ROWS], name="label").to_csv(place / "y.csv", index=False)
    for number, table in enumerate([turned, turned.reset_index(drop=True)]):
        table.to_csv(place / "A.csv")
        with pytest.raises(DataError, match=r"is not a class of .*; say by --classes-in columns"):
            imported(place, A="A.csv", y="y.csv")
        for labels in ("y.csv", "y.npy"):
            assert is_right(imported(place, A="A.csv", y=labels, classes_in="columns"), NAMES)
            (place / "data" / "MINE").rename(place / "data" / f"{labels}-{number}")
    pd.DataFrame(np.ones((9, 6)), index=[f"attribute {i}" for i in range(9)]).to_csv(place / "A.csv")
    result = imported(place, A="A.csv").dataset
    assert result.class_names[0] == "attribute 0"


def test_numbers_of_columns_are_those_of_the_file(place: Path) -> None:
    features(b=ORDER * 13 + 5, a=["train", "test"] * 30).to_csv(place / "X.csv", index=False, header=False)
    result = imported(place, X="X.csv", dropped=["features:1"], kept=["features:2"]).dataset
    np.testing.assert_array_equal(result.features[:, 0], (ORDER * 13 + 5).astype(np.float32))
    assert result.semantics.shape == (CLASSES, ATTRIBUTES)


def test_other_formats_are_read_as_meant(place: Path) -> None:
    np.savez(place / "all.npz", X=FEATURES, y=NAMES[ROWS].astype("U"), att=SEMANTICS, class_names=NAMES.astype("U"))
    assert is_right(imported(place, X="all.npz", A="all.npz", y=""), NAMES)
    np.savez(place / "bytes.npz", att=SEMANTICS, class_names=np.char.encode(NAMES, "utf-8"))
    pd.DataFrame({"label": NAMES[ROWS]}).to_csv(place / "y.csv", index=False)
    first = import_data_set("BYTES", place / "data", Sources(place / "X.npy", place / "bytes.npz", place / "y.csv"))
    assert is_right(first, NAMES)
    np.save(place / "records.npy", features(label=ROWS).to_records())
    second = import_data_set("RECORDS", place / "data", Sources(place / "records.npy", place / "A.npy"))
    assert is_right(second)
    scipy.io.savemat(place / "turned.mat", {"att": SEMANTICS, "class_names": NAMES[:, None].astype(object)})
    zeroth = import_data_set("TURNED", place / "data", Sources(place / "X.npy", place / "turned.mat", place / "y.npy"))
    assert is_right(zeroth, NAMES)
    cells = np.empty((60, 1), object)
    cells[:, 0] = NAMES[ROWS]
    names = np.empty((CLASSES, 1), object)
    names[:, 0] = NAMES
    variables = {"features": FEATURES, "labels": cells, "att": SEMANTICS, "allclasses_names": names}
    scipy.io.savemat(place / "all.MAT", variables)
    third = import_data_set("MATLAB", place / "data", Sources(place / "all.MAT", place / "all.MAT"))
    assert is_right(third, NAMES)


@pytest.mark.parametrize(
    ("files", "message", "option"),
    [
        ({"A": attributes(name=[*NAMES[:5], "ant"])}, "column 1 .'name'. names 'ant' 2 times", ""),
        (
            {"X": features(one=ROWS, two=ROWS), "y": None},
            "labels in column 1 .'two'. or column 2 .'one'.",
            "--label-column",
        ),
        ({"X": features(one=NAMES[ROWS], two=NAMES[ROWS]), "y": None}, "may have its labels in", "--label-column"),
        ({"X": features(), "y": None}, "holds no labels", "--labels"),
        (
            {"X": features(split=["train", "test"] * 30)},
            "column 1 .'split'. names 'test' 30 times",
            "--drop-column features:1",
        ),
        ({"X": features(**{"0th": ORDER * 13 + 5})}, "whole numbers that may be names", "--keep-column features:1"),
        ({"y": pd.Series(IDS[ROWS])}, "run from 3 to 999 for 6 classes", "--class-column"),
        ({"y": pd.Series(ROWS.clip(1, 5)), "A": attributes()}, "does not tell where", "--first-label"),
        ({"y": pd.Series(ROWS.clip(1, 5)), "A": attributes(id=range(6))}, "does not tell where", "--first-label"),
        ({"A": pd.DataFrame(np.ones((9, 6)))}, "9 rows of 6 numbers, and 6 classes have samples", "--classes-in"),
        ({"y": pd.Series(IDS[ROWS]), "A": attributes(id=IDS + 1)}, r"label '\d+' is not a class", "column 1 ('id')"),
        ({"A": attributes(name=[*NAMES[:5], ""])}, "has no name in row 6", ""),
        ({"y": pd.Series(np.where(ROWS == 0, np.nan, ROWS))}, "10 samples have no label", ""),
        ({"y": pd.Series(NAMES[ROWS])}, "label '.*' is not a class of", "class_names"),
        ({"y": pd.Series(NAMES[ROWS]), "A": attributes(name=["emu", *NAMES[1:]])}, "label 'ant' is not a class", ""),
    ],
)
def test_what_may_be_read_in_two_ways_is_refused_with_the_option_that_decides(
    place: Path, files: dict[str, Any], message: str, option: str
) -> None:
    chosen = {}
    for name, table in files.items():
        if table is not None:
            header = not (name == "A" and list(table.columns[:1]) == [0])
            table.to_csv(place / f"{name}.csv", index=False, header=header)
        chosen[name] = "" if table is None else f"{name}.csv"
    with pytest.raises(DataError, match=message) as caught:
        imported(place, **chosen)
    assert option in str(caught.value)
    assert "\n" not in str(caught.value)


FILES = np.array([f"{i}.jpg" for i in range(60)])
ONE_HOT = np.eye(CLASSES, dtype=int)[ROWS]
TWICE = features().set_index(np.arange(60) % 30)


@pytest.mark.parametrize(
    ("role", "write", "message"),
    [
        (
            "X",
            lambda path: features(label=ROWS).to_csv(path),
            "'label'.* or classes; .*--drop-column features:2, or take",
        ),
        ("X", lambda path: features(y=ORDER * 7).to_csv(path, index=False), "'y'.* may be names"),
        ("X", lambda path: features().to_csv(path, encoding="utf-16"), "not encoded as UTF-8; save it as UTF-8"),
        ("X", lambda path: features(a=["é"[i < 50 :] for i in range(60)]).to_csv(path, encoding="latin-1"), "as UTF-8"),
        ("X", lambda path: TWICE.to_csv(path), "column 1 names '0' 2 times; .*--drop-column features:1"),
        (
            "X",
            lambda path: features(second=range(60)).to_csv(path),
            "'second'.* may be names .*--keep-column features:2",
        ),
        ("X", lambda path: features().to_csv(path, index_label="time"), "'time'.* may be names"),
        ("X", lambda path: TWICE.to_csv(path, header=False), "may be names .*--drop-column features:1"),
        ("X", lambda path: features(a=ORDER * 7).to_csv(path, index=False, header=False), "may be names"),
        ("X", lambda path: features().astype(str).add("%").to_csv(path, index=False), "is text, and holds '.*%'"),
        ("X", lambda path: features().map("{:.2f} 1".format).to_csv(path, index=False), "names '.* 1' 2 times"),
        ("X", lambda path: features().mask(features() > 2).to_csv(path, na_rep="NA"), "names 'NA'|holds '.*'"),
        ("X", lambda path: features().iloc[:, :2].to_csv(path, index=False), "may be a header; say by --header"),
        ("X", lambda path: features().iloc[:-1].to_csv(path, index=False), "59 samples of 5 features, .* 60 labels"),
        ("X", lambda path: path.write_text("0,1,2,3\n0.5,1.5,2.5,3.5,4.5\n"), "4 titles over 5 columns"),
        ("y", lambda path: pd.DataFrame(ONE_HOT).to_csv(path, index=False), "may have its labels in .*--label-column"),
        ("y", lambda path: pd.DataFrame(ONE_HOT, columns=NAMES).to_csv(path), "may have its labels in"),
        ("y", lambda path: pd.DataFrame(ONE_HOT == 1, columns=NAMES).to_csv(path), "may have its labels in"),
        ("y", lambda path: pd.Series(ROWS - 1).to_csv(path), "-1 is no class: leave such samples out"),
        ("A", lambda path: attributes(n=IDS).to_csv(path, index=False, header=False), "--class-column 1 that it names"),
        ("A", lambda path: attributes(id=[3, 3, *IDS[2:]]).to_csv(path, index=False), "'id'.* names '3' 2 times"),
        ("A", lambda path: attributes(name=[*"12345", "fox"]).to_csv(path, index=False), "--class-column 1 that it na"),
    ],
)
def test_what_is_not_read_is_refused_in_one_sentence(
    place: Path, role: str, write: Callable[[Path], None], message: str
) -> None:
    write(place / "table.csv")
    with pytest.raises(DataError, match=message) as caught:
        imported(place, **{role: "table.csv"})
    assert "\n" not in str(caught.value)


def test_labels_in_another_order_than_the_samples_are_refused(place: Path) -> None:
    features(file=FILES).to_csv(place / "X.csv", index=False)
    table = pd.DataFrame({"file": FILES, "label": ROWS})
    table.to_csv(place / "y.csv", index=False)
    assert is_right(imported(place, X="X.csv", y="y.csv"))
    for other, message in ((table.iloc[ORDER], "in another order"), (table.replace("7.jpg", "x.jpg"), "different")):
        other.to_csv(place / "y.csv", index=False)
        with pytest.raises(DataError, match=f"{message}.* in column 1 .'file'. .*--drop-column"):
            import_data_set("MORE", place / "data", Sources(place / "X.csv", place / "A.npy", place / "y.csv"))
    features().set_index(ORDER).to_csv(place / "X.csv")
    pd.Series(ROWS).to_csv(place / "y.csv")
    with pytest.raises(DataError, match="in another order"):
        import_data_set("MORE", place / "data", Sources(place / "X.csv", place / "A.npy", place / "y.csv"))


def test_two_columns_of_ids_that_disagree_are_refused(place: Path) -> None:
    attributes(id=[2, 0, 1, 3, 4, 5], no=[1, 0, 2, 3, 5, 4]).to_csv(place / "A.csv", index=False)
    with pytest.raises(DataError, match="in other rows; say by --class-column which counts"):
        imported(place, A="A.csv")
    result = imported(place, A="A.csv", classes="id").dataset
    np.testing.assert_array_equal(result.semantics[result.labels], SEMANTICS[[1, 2, 0, 3, 4, 5]][ROWS])


def test_a_column_without_a_title_is_named_by_its_number(place: Path) -> None:
    attributes(n=IDS).to_csv(place / "A.csv", index=False, header=False)
    np.save(place / "y.npy", IDS[ROWS])
    assert is_right(imported(place, A="A.csv", classes="1"), IDS)


def test_small_types_that_can_not_hold_the_labels_are_refused(place: Path) -> None:
    np.save(place / "y.npy", np.repeat(np.arange(300), 2).astype(np.uint8))
    np.save(place / "X.npy", RNG.normal(size=(600, 3)))
    np.save(place / "A.npy", RNG.normal(size=(300, 7)))
    with pytest.raises(DataError, match="uint8 can't tell 300 classes apart"):
        imported(place)


def test_python_objects_are_never_loaded(place: Path) -> None:
    np.savez(place / "all.npz", X=FEATURES, y=NAMES[ROWS].astype(object), att=SEMANTICS)
    with pytest.raises(DataError, match=r"Python objects, which are never loaded.*astype\(str\)"):
        imported(place, X="all.npz", A="all.npz", y="")


def test_the_user_decides_what_columns_are(place: Path) -> None:
    wide = features(**{"0th": ORDER * 13 + 5, "split": ["train", "test"] * 30, "one": ROWS, "two": ROWS[::-1]})
    wide.to_csv(place / "X.csv", index=False)
    result = imported(place, X="X.csv", y="", labels="one", dropped=["two", "split"], kept=["0th"]).dataset
    np.testing.assert_array_equal(result.features, np.column_stack([ORDER * 13 + 5, FEATURES]).astype(np.float32))
    np.testing.assert_array_equal(result.labels, ROWS)
    for choices, message in (
        (Choices(dropped=["three"]), "--drop-column: no file has a column 'three'"),
        (Choices(kept=["1"]), "--keep-column 1 does not say of which file; write features:1"),
    ):
        with pytest.raises(UsageError, match=message):
            import_data_set("MORE", place / "data", Sources(place / "X.csv", place / "A.npy", choices=choices))
    keeping = Choices(labels="one", dropped=["two"], kept=["split", "0th"])
    with pytest.raises(DataError, match=r"\('split'\) holds words, which can't be kept; .*--drop-column features:"):
        import_data_set("MORE", place / "data", Sources(place / "X.csv", place / "A.npy", choices=keeping))
    with pytest.raises(UsageError, match="has no column 'three'"):
        import_data_set(
            "MORE", place / "data", Sources(place / "X.csv", place / "A.npy", choices=Choices(labels="three"))
        )
