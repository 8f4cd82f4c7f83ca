"""Every value of a record, a failure and a manifest is bounded by its type: none that is not reaches a reader."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace

import pytest

from gzslbench.errors import RecordError
from gzslbench.records.curves import LossCurve
from gzslbench.records.record import Failure, Phase, Record
from gzslbench.records.results import summaries
from gzslbench.records.store import RECORD, Store
from gzslbench.report.leaderboard import build_leaderboard

IMPOSSIBLE = [-1, 10**400, 1.7e308, True, "7", "1" * 5000, None, [], {}]
ABSURD = ["\x1b[2J", "a\nb", "\u202eabc", "x" * 10_000, 3, True, None, [], {}]
FREE = ("notes", "selection", "deviations", "config", "candidates", "packages", "origins", "curves")
MAY_BE_NONE = ("gate_auroc", "gate_fpr95", "h_best", "device_s", "peak_device_mib", "gpu")


def leaves(value, place=()) -> Iterator[tuple]:
    """Give the places of all values that are not free."""
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if name in FREE:
            continue
        if isinstance(inner, dict | list):
            yield from leaves(inner, (*place, name))
        else:
            yield *place, name


def changed(values, place, value):
    copy = json.loads(json.dumps(values))
    inner = copy
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return copy


def with_everything(make_record):
    timings = replace(make_record().timings, fit_generator=Phase(1.0, 2.0, 3.0), peak_device_mib=1.0)
    record = make_record(timings=timings, data_warnings=("one",))
    return replace(
        record,
        metrics=replace(record.metrics, gate_auroc=0.5, gate_fpr95=0.5, h_best=0.5),
        environment=replace(record.environment, gpu="a GPU"),
    )


def swept(values):
    for place in leaves(values):
        held = values
        for name in place:
            held = held[name]
        for value in ABSURD if isinstance(held, str) else IMPOSSIBLE:
            unknown = value is None and place[-1] in MAY_BE_NONE
            same_kind = value is True and isinstance(held, bool)
            if not unknown and not same_kind:
                yield place, value


def refused(kind, values, place, value):
    with pytest.raises(RecordError) as error:
        kind.from_json(json.dumps(changed(values, place, value)))
    return str(error.value)


def test_no_value_of_a_record_is_without_bounds(make_record):
    values = json.loads(with_everything(make_record).to_json())
    assert Record.from_json(json.dumps(values))
    cases = list(swept(values))
    assert len(cases) > 500
    for place, value in cases:
        told = refused(Record, values, place, value)
        assert len(told) < 500, place
        assert "not a record" in told or "schema version" in told


def test_no_value_of_a_failure_is_without_bounds(make_record):
    record = make_record()
    values = json.loads(Failure(record.key, record.method, "error", "start", "it broke").to_json())
    for place, value in swept({name: values[name] for name in ("key", "method", "kind", "phase", "created")}):
        assert "not a failure" in refused(Failure, values, place, value)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("timings", "seeds_together"), 0),
        (("timings", "jobs"), 0),
        (("environment", "threads"), 0),
        (("timings", "warm_up_s"), 3.2e9),
        (("metrics", "h"), 1.01),
        (("metrics", "ausuc"), -1e-6),
        (("key", "protocol"), "mine"),
        (("key", "precision"), "float16"),
        (("key", "device"), "tpu"),
        (("key", "version"), 2),
        (("key", "protocol_version"), 0),
        (("key", "gate", "name"), "non\u0435"),
        (("method",), "eszsl (gamma=1)"),
        (("method",), "a+b"),
        (("method",), "../eszsl"),
        (("budget",), "full, quick"),
        (("created",), "yesterday"),
        (("created",), "9999-01-01T00:00:00Z"),
        (("deviations",), {"eszsl.gamma": float("1e999")}),
        (("deviations",), {"\x1b": 1}),
        (("environment", "packages"), {"torch": "\x07"}),
        (("origins",), {"eszsl": {"distribution": "x" * 300, "version": "1"}}),
    ],
)
def test_what_a_record_may_not_say(make_record, place, value):
    values = json.loads(with_everything(make_record).to_json())
    assert "not a record" in refused(Record, values, place, value)


def test_curves_are_bounded(make_record):
    values = json.loads(make_record(curves={"loss": LossCurve((1,), (0.5,))}).to_json())
    for name, value in (("steps", -1), ("steps", True), ("values", "1"), ("values", True), ("values", None)):
        refused(Record, values, ("curves", "loss", name), [value])


def test_a_bad_record_is_named_and_the_leaderboard_goes_on(tmp_path, write_judged, caplog):
    import numpy as np

    write_judged(tmp_path, np.ones(60, dtype=bool), method="sae")
    bad = write_judged(tmp_path, np.ones(60, dtype=bool))
    store = Store(tmp_path)
    path = store.folder(bad.key) / RECORD
    for place, value in ((("timings", "seeds_together"), 10**400), (("key", "protocol"), "mine")):
        path.write_text(json.dumps(changed(json.loads(bad.to_json()), place, value)))
        caplog.clear()
        board = build_leaderboard(summaries(Store(tmp_path)), [Store(tmp_path)])
        assert [row.label for rows in board.rows.values() for row in rows] == ["sae"]
        assert str(path) in caplog.text
        assert ".".join(place) in caplog.text


def test_what_honest_runs_write_is_read(make_record):
    record = make_record(data_set="数据\u3000集 ü", split="random 1", created="2026-11-27T23:40:47+00:00")
    perfect = replace(record.metrics, h=1.0000000000000002, ausuc=1.0000000000000002)
    assert Record.from_json(replace(record, metrics=perfect).to_json()).key == record.key
    assert asdict(record)["metrics"]["h"] == 0.5
