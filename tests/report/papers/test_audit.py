import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.report.formats.audit_tables import audit_tables
from gzslbench.report.papers.audit import Finding, PrintedRow, audit, bundled, follows, originals, read_counts
from gzslbench.report.papers.reported import findings, printed_rows

CUB_ROWS = {"DeViSE", "SYNC", "SJE", "ALE", "SAE", "PSR"}
percentages = st.floats(0, 100, allow_nan=False)


def _row(system="New", dataset="CUB", source="A paper, Table 1", **values):
    return PrintedRow(source, system, dataset, values)


def _of(system, dataset, table):
    place = (system, dataset, table)
    return [each for each in findings() if (each.row.system, each.row.dataset, each.row.source) == place]


@given(percentages, percentages)
def test_a_harmonic_mean_that_is_rounded_right_is_never_flagged(u, s):
    h = 2 * u * s / (u + s) if u + s else 0.0
    assert follows(round(u, 1), round(s, 1), round(h, 1))


@given(percentages, percentages, st.floats(0.11, 100))
def test_an_h_that_is_more_than_rounding_off_is_flagged(u, s, gap):
    u, s = round(u, 1), round(s, 1)
    h = 2 * u * s / (u + s) if u + s else 0.0
    # H rises by at most twice as much as U and S, which are at most 0.05 off
    assert not follows(u, s, h + 0.05 + gap)


@pytest.mark.parametrize(
    ("u", "s", "h", "right"),
    [
        (13.3, 77.3, 20.0, False),
        (13.3, 77.3, 22.7, True),
        (51.6, 53.5, 52.4, False),  # from 51.55 and 53.45 on, H is at least 52.48
        (55.8, 75.0, 63.9, True),  # 55.75 and 74.95 give 63.94
        (0.1, 73.0, 0.2, True),
        (0.0, 88.7, 0.0, True),
    ],
)
def test_rounding_by_hand(u, s, h, right):
    assert follows(u, s, h) is right


def test_six_cub_rows_of_the_early_gan_table_are_awa2s():
    """By the numbers that their sources print, not by a list of names."""
    flagged = {
        each.row.system
        for each in findings()
        if (each.row.source, each.row.dataset) == ("Early-GAN paper, Table 2", "CUB") and "AWA2's numbers" in each.text
    }
    assert flagged == CUB_ROWS
    rows = {(row.system, row.dataset, row.source): row for row in printed_rows()}
    awa2 = {original.system: original.values for original in originals() if original.dataset == "AWA2"}
    for system in CUB_ROWS:
        row = rows[system, "CUB", "Early-GAN paper, Table 2"]
        assert row.values == {metric: awa2[system][metric] for metric in ("U", "S", "H")}
    other_paper = {system for system in CUB_ROWS if (system, "AWA2", "GSMFlow paper, Table II") in rows}
    assert other_paper == {"ALE", "SJE", "SAE"}
    for system in other_paper:
        assert rows[system, "AWA2", "GSMFlow paper, Table II"].gzsl == awa2_of(awa2[system])


def awa2_of(values):
    return values["U"], values["S"], values["H"]


def test_what_was_not_checked_is_not_called_wrong():
    unchecked = {original.system for original in originals() if not original.checked}
    assert unchecked == {"PSR", "f-VAEGAN-D2"}
    (finding,) = _of("PSR", "CUB", "Early-GAN paper, Table 2")
    assert (finding.wrong, finding.text) == (False, "presumably AWA2's numbers")
    assert "not checked" in finding.known


def test_rows_whose_h_does_not_follow_from_u_and_s():
    flagged = {(each.row.system, each.row.dataset) for each in findings() if "of this row give H" in each.text}
    assert flagged == {
        ("LATEM", "AWA2"),
        ("CADA-VAE", "CUB"),
        ("DZSL", "AWA1"),
        ("ESZSL", "UCF101"),
        ("SADLE", "HMDB51"),
        ("Early-GAN", "HMDB51"),
    }


def test_a_slip_is_told_by_the_source_and_leaves_h_right():
    about_h, about_u = _of("LATEM", "AWA2", "GSMFlow paper, Table II")
    assert (about_h.metrics, about_h.wrong) == (("H",), False)
    assert (about_u.metrics, about_u.wrong) == (("U",), True)
    assert about_u.text == "elsewhere it has U 11.5, and the rest as here; 13.3 is its H on AWA1"


def test_only_a_higher_h_is_beyond_averaging():
    lower, higher = (audit([_row(U=40.0, S=60.0, H=h)]) for h in (47.5, 48.5))
    assert "may be that much lower" in lower[0].text
    assert "no averaging" in higher[0].text
    assert not lower[0].wrong


def test_a_large_gap_is_wrong_where_nothing_confirms_h():
    (finding,) = audit([_row(U=40.0, S=60.0, H=40.0)])
    assert finding == Finding(
        _row(U=40.0, S=60.0, H=40.0),
        ("H",),
        wrong=True,
        text="U 40.0 and S 60.0 of this row give H 48.0, not 40.0",
        known="Computed from the row.",
    )


@pytest.mark.parametrize("value", [-0.1, 100.1])
def test_values_out_of_range(value):
    (finding,) = audit([_row(T1=value)])
    assert finding.wrong
    assert finding.text == f"T1 {value} is not a percentage"


def test_identical_rows_of_two_systems():
    values = {"U": 40.0, "S": 60.0, "H": 48.0}
    (finding,) = audit([_row(**values), _row("Newer", **values)])
    assert finding.row.system == "Newer"
    assert finding.text == "the same numbers as New on CUB (A paper, Table 1)"


def test_a_row_that_another_table_repeats_is_not_flagged():
    values = {"U": 40.0, "S": 60.0, "H": 48.0}
    assert audit([_row(**values), _row(source="Another paper, Table 2", **values)]) == []


def test_a_row_that_agrees_with_its_source_is_not_flagged():
    values = next(each.values for each in originals() if (each.system, each.dataset) == ("SAE", "CUB"))
    assert audit([PrintedRow("A paper, Table 1", "SAE", "CUB", values)]) == []


def test_sources_agree_with_themselves_but_for_two_rows():
    unlike = [each for each in originals() if not follows(*(each.values[metric] for metric in ("U", "S", "H")))]
    assert [(each.system, each.dataset, each.features) for each in unlike] == [
        ("CADA-VAE", "CUB", ""),
        ("SDGZSL", "FLO", "fine-tuned"),
    ]


def test_every_curated_finding_is_about_a_row():
    places = {(row.source, row.system, row.dataset) for row in printed_rows()}
    for entry in bundled("audit.csv"):
        for system in entry["systems"].split("; "):
            for dataset in entry["datasets"].split("; "):
                assert (entry["source"], system, dataset) in places


def test_readings_are_of_printed_systems_and_say_how_they_are_known():
    systems = {row.system for row in printed_rows()}
    for each in read_counts():
        assert each.system in systems
        assert each.known
        assert each.count is None or each.count >= 1
    counts = {(each.system, each.dataset): each.count for each in read_counts()}
    assert [counts["GSMFlow (conference)", name] for name in ("APY", "AWA2", "CUB", "FLO")] == [840, 930, 840, 240]


@pytest.mark.parametrize(
    ("dataset", "samples", "batch", "epochs", "every", "after"),
    [
        ("AWA2", 23527, 256, 500, 500, 30000),
        ("APY", 5932, 200, 600, 300, 5000),
        ("CUB", 7057, 256, 600, 500, 2000),
        ("FLO", 5631, 256, 300, 500, 2000),
    ],
)
def test_evaluations_of_gsmflow_by_the_settings_of_its_scripts(dataset, samples, batch, epochs, every, after):
    iterations = samples // batch * epochs
    evaluations = [step for step in range(1, iterations + 1) if step % every == 0 and step > after]
    (known,) = (each for each in read_counts() if (each.system, each.dataset) == ("GSMFlow (conference)", dataset))
    assert len(evaluations) == known.evaluations
    assert f"{iterations:,} iterations" in known.known


def test_the_tables_number_their_sources():
    of_systems, *audited = audit_tables()
    assert not of_systems.notes
    for table in audited:
        numbers = {row[-1] for row in table.rows}
        noted = {note.partition(":")[0] for note in table.notes if note[0].isdigit()}
        assert numbers == noted
        assert all(len(row) == len(table.columns) for row in table.rows)
