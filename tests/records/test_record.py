import hashlib
import json
import pickle
from dataclasses import asdict, fields, replace

import pytest

from gzslbench.errors import RecordError
from gzslbench.records.curves import CURVE_POINTS, LossCurve
from gzslbench.records.record import SCHEMA_VERSION, CellKey, Failure, PartKey, Record, canonical_json

KEY = CellKey(
    data_set="CUB",
    features="f" * 16,
    labels="1" * 16,
    semantics="a" * 16,
    split="official",
    split_hash="5" * 16,
    protocol="inductive",
    protocol_version=1,
    generator=PartKey("gsmflow", {"steps": 100, "rate": 0.001, "clip": None}, "c" * 12),
    gate=PartKey("none", {}, "d" * 12),
    classifier=PartKey("softmax", {"epochs": 25}, "e" * 12),
    seed=3,
)


def test_the_digest_of_a_key_never_changes():
    """Stored records are found by it, so another value here means that KEY_VERSION must change."""
    assert KEY.digest() == "f271cd12fc9d921d"


OTHER = {
    "data_set": "SUN",
    "features": "0" * 16,
    "labels": "0" * 16,
    "semantics": "0" * 16,
    "split": "random",
    "split_hash": "0" * 16,
    "protocol": "strict",
    "protocol_version": 2,
    "generator": None,
    "gate": PartKey("none", {}, "0" * 12),
    "classifier": PartKey("softmax", {"epochs": 26}, "e" * 12),
    "seed": 4,
    "device": "cuda",
    "precision": "tf32",
    "candidates": ({"softmax": {"epochs": 25}}, {"softmax": {"epochs": 50}}),
    "version": 2,
}


@pytest.mark.parametrize("name", [field.name for field in fields(CellKey)])
def test_every_field_decides_the_digest(name):
    assert replace(KEY, **{name: OTHER[name]}).digest() != KEY.digest()


def test_the_order_of_settings_does_not():
    config = {"clip": None, "rate": 0.001, "steps": 100}
    assert replace(KEY, generator=PartKey("gsmflow", config, "c" * 12)).digest() == KEY.digest()


def test_names_its_combination():
    assert KEY.combination == "gsmflow+none+softmax"
    assert replace(KEY, generator=None).combination == "none+none+softmax"


def test_a_record_of_another_schema_is_refused(make_record):
    text = replace(make_record(), schema_version=SCHEMA_VERSION + 1).to_json()
    with pytest.raises(
        RecordError, match=rf"old/record\.json has schema version \d, this gzslbench reads 1 to {SCHEMA_VERSION}"
    ):
        Record.from_json(text, "old/record.json")


def test_what_is_not_a_record_names_the_place(make_record):
    text = make_record().to_json().replace('"seed":0', '"seed":"first"')
    with pytest.raises(RecordError, match=r"record.json is not a record: key.seed: Input should be a valid integer"):
        Record.from_json(text)
    with pytest.raises(RecordError, match="x is not a record: Invalid JSON"):
        Failure.from_json("{", "x")


def test_nothing_that_json_lacks_is_written(make_record):
    with pytest.raises(ValueError, match="Out of range float"):
        make_record(notes={"loss": float("nan")}).to_json()


def test_canonical_json():
    assert canonical_json({"b": (1, 2.0), "a": "ü"}) == '{"a":"\\u00fc","b":[1,2.0]}'
    with pytest.raises(ValueError, match="Out of range float"):
        canonical_json(float("inf"))


@pytest.mark.parametrize("seed", [0, 7, 2**64])
def test_a_key_with_another_seed_is_the_key_made_with_it(make_record, seed):
    key = make_record(config={"seed": 3, "text": '"seed":5'}, candidates=({"a": {"seed": 1}},)).key
    other = key.with_seed(seed)
    assert other == replace(key, seed=seed)
    assert other.digest() == replace(key, seed=seed).digest()
    assert (other.digest() == key.digest()) == (seed == key.seed)
    assert pickle.loads(pickle.dumps(other)) == other
    assert asdict(other) == asdict(replace(key, seed=seed))


def test_a_digest_is_that_of_the_canonical_json(make_record):
    key = make_record(seed=5, config={"steps": 3}).key
    parts = {role: getattr(key, role).digest for role in ("generator", "gate", "classifier")}
    values = {item.name: getattr(key, item.name) for item in fields(key)} | parts
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    assert key.digest() == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_a_record_is_one_line(make_record):
    assert make_record(notes={"text": "two\nlines"}).to_json().count("\n") == 1


@pytest.mark.parametrize("count", [0, 1, 50, 199, 200, 201, 5000])
def test_a_curve_keeps_its_ends_and_two_hundred_points_at_most(count):
    points = [(step, step / 7) for step in range(count)]
    curve = LossCurve.of(points)
    assert len(curve.steps) == len(curve.values) == min(count, CURVE_POINTS)
    assert curve.steps[:1] + curve.steps[-1:] == tuple(step for step, _ in points[:1] + points[-1:])
    assert list(curve.steps) == sorted(set(curve.steps))
    assert all(
        value == pytest.approx(step / 7, rel=1e-5) for step, value in zip(curve.steps, curve.values, strict=True)
    )
    again = LossCurve.of(list(zip(curve.steps, curve.values, strict=True)))
    assert again == curve


def test_a_curve_has_as_many_values_as_steps(make_record):
    text = make_record(curves={"loss": LossCurve((1, 2), (0.5, 0.25))}).to_json()
    with pytest.raises(RecordError, match=r"curves\.loss: .*2 steps have 1 values"):
        Record.from_json(text.replace("[0.5,0.25]", "[0.5]"))
