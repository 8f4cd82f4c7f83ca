"""The grid of combinations, against regressions on dummy variables and tables worked out by hand."""

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gzslbench.cli.leaderboard import leaderboard
from gzslbench.errors import UsageError
from gzslbench.records.record import PartKey
from gzslbench.records.results import summaries
from gzslbench.report.combinations.grid import Combination, grids
from gzslbench.report.combinations.tables import combination_tables, combinations_page
from gzslbench.report.combinations.variance import values_of, variance_shares
from gzslbench.report.formats.pages import stale_pages, write_pages
from gzslbench.report.groups import group_results
from gzslbench.report.installed import Installed

INSTALLED = Installed.find()


def part(name, **config):
    return PartKey(name, config, "c0de" * 3)


@pytest.fixture
def made(make_result):
    """Make the result of a combination; ``steps`` is what its generator is set to."""

    def make(generator, gate, classifier, steps=None, **described):
        own = part(generator) if steps is None else part(generator, steps=steps)
        parts = {"generator": None if generator == "none" else own, "gate": part(gate), "classifier": part(classifier)}
        protocol = "inductive-calibrated" if gate == "calibrated-stacking" else "inductive"
        method = f"{generator}+{gate}+{classifier}"
        return make_result(**({"method": method, "deviations": {}, "protocol": protocol} | parts | described))

    return make


def grid_of(*results):
    (grid,) = grids(group_results(results), INSTALLED)
    return grid


def test_each_combination_has_its_recipe_s_result(made):
    recipe = made("gsmflow", "none", "softmax", h=0.5)
    others = [
        made("gsmflow", "none", "softmax", h=0.9, method="gsmflow-without-mining", steps=0),
        made("gsmflow", "none", "softmax", h=0.9, budget="tuned-20", steps=1),
        made("gsmflow", "none", "softmax", h=0.9, deviations={"softmax.epochs": 1}, steps=2),
        made("gsmflow", "none", "softmax", h=0.9, protocol="paper"),
    ]
    calibrated = made("gsmflow", "calibrated-stacking", "softmax", h=0.6)
    found = grid_of(recipe, *others, calibrated).groups
    assert {each: group.h.mean for each, group in found.items()} == {
        ("gsmflow", "none", "softmax"): 0.5,
        ("gsmflow", "calibrated-stacking", "softmax"): 0.6,
    }


def test_parts_that_lack_most_results_are_left_out_until_nothing_is_lacking(made):
    full = [
        made(g, gate, c) for g in ("f-clswgan", "gsmflow") for gate in ("none", "energy") for c in ("knn", "softmax")
    ]
    ragged = [made("early-gan", "none", "softmax"), made("gsmflow", "entropy", "knn"), made("none", "none", "eszsl")]
    complete = grid_of(*full, *ragged).complete()
    assert set(complete.groups) == {
        Combination(g, gate, c)
        for g in ("f-clswgan", "gsmflow")
        for gate in ("none", "energy")
        for c in ("knn", "softmax")
    }
    assert complete.complete().groups == complete.groups
    assert grid_of(made("none", "none", "eszsl")).complete().groups == {}


def test_values_are_of_the_seeds_that_all_share(made):
    results = [made("gsmflow", "none", "softmax", seed=seed, h=0.1 * seed) for seed in range(3)]
    results += [made("f-clswgan", "none", "softmax", seed=seed, h=0.5 + 0.1 * seed) for seed in (1, 2, 3)]
    values = values_of(grid_of(*results), lambda result: result.h)
    assert values.shape == (2, 1, 1, 2)
    assert values[:, 0, 0] == pytest.approx(np.array([[0.6, 0.7], [0.1, 0.2]]))


def explained(values, factors):
    """R^2 of an ordinary regression on dummy variables of the crossing of some factors."""
    index = np.indices(values.shape).reshape(values.ndim, -1)
    cells = np.ravel_multi_index(index[factors], [values.shape[each] for each in factors])
    dummies = np.eye(cells.max() + 1)[cells]
    y = values.ravel() - values.mean()
    fitted = dummies @ np.linalg.lstsq(dummies, y, rcond=None)[0]
    return (fitted**2).sum() / (y**2).sum()


shapes = st.tuples(*[st.integers(1, 4)] * 4)


@given(shapes.flatmap(lambda shape: arrays(float, shape, elements=st.floats(0, 1, width=16))))
def test_shares_are_those_of_regressions(values):
    shares = variance_shares(values)
    if values.std() < 1e-9:
        return
    assert shares is not None
    mains = [shares.generator, shares.gate, shares.classifier]
    assert mains == pytest.approx([explained(values, [each]) for each in range(3)], abs=1e-9)
    assert shares.seeds == pytest.approx(1 - explained(values, [0, 1, 2]), abs=1e-9)
    assert sum(mains) + shares.together + shares.seeds == pytest.approx(1)


def test_what_never_varies_has_no_shares():
    assert variance_shares(np.full((3, 1, 1, 1), 0.1)) is None  # their mean, as computed, is another number
    assert variance_shares(np.empty((2, 2, 2, 0))) is None


def rows(tables, title):
    return [row for table in tables if table.title == title for row in table.rows]


def test_tables_by_hand(made):
    results = [
        made(generator, gate, "softmax", seed=seed, h=h)
        for generator, gate, h in (
            ("f-clswgan", "none", 0.2),
            ("f-clswgan", "calibrated-stacking", 0.5),
            ("gsmflow", "none", 0.4),
            ("gsmflow", "calibrated-stacking", 0.3),
        )
        for seed in (0, 1)
    ]
    tables = combination_tables([*results, made("none", "none", "eszsl", h=0.1)])
    # means 35 and 35 by generator, 30 and 40 by gate: total 4 * (15^2 + 15^2 + 5^2 + 5^2) / 2, of the gate 4 * 5^2
    assert rows(tables, "What each part explains")[0] == (
        *("CUB, inductive", "H", "0.0", "20.0", "0.0", "80.0", "0.0"),
        "2 x 2 x 1",
    )
    assert rows(tables, "CUB, inductive: softmax after each generator and gate") == [
        ("f-clswgan", "20.0", "50.0", "calibrated-stacking"),
        ("gsmflow", "40.0", "30.0", "none"),
    ]
    assert rows(tables, "CUB, inductive: classifiers without a generator, after each gate") == [
        ("eszsl", "10.0", "none")
    ]


def test_a_combination_is_held_against_the_methods_that_its_parts_come_from(write, store):
    """The gate is early-gan's, the generator gsmflow's; a gate that belongs to no method adds none."""
    rng = np.random.default_rng(0)

    def correct(share):
        return rng.random((60, 5)) < share

    def parts(generator, gate, classifier):
        return {"generator": part(generator), "gate": part(gate), "classifier": part(classifier), "deviations": {}}

    calibrated = {"protocol": "inductive-calibrated"}
    write("gsmflow", correct(0.4), **parts("gsmflow", "calibrated-stacking", "softmax") | calibrated)
    write("early-gan", correct(0.5), **parts("early-gan", "calibrated-stacking", "entropy") | calibrated)
    write("gsmflow+entropy+softmax", correct(0.95), **parts("gsmflow", "entropy", "softmax"))
    write("gsmflow+energy+softmax", correct(0.95), **parts("gsmflow", "energy", "softmax"))
    tables = combination_tables(summaries(store), [store])
    (table,) = (table for table in tables if table.title.startswith("Above"))
    assert table.summary.startswith("Of 1 combination of parts that come from several methods, 1 beat all of these")
    ((_, combination, _, leads),) = table.rows
    assert combination == "gsmflow+entropy+softmax"
    assert leads.startswith("gsmflow +")
    assert "; early-gan +" in leads


def test_the_page_is_written_and_checked(made, tmp_path):
    tables = combination_tables([made("none", "none", "eszsl"), made("none", "energy", "eszsl")])
    page = combinations_page(tables)
    assert write_pages([page], tmp_path) == [tmp_path / "combinations.md"]
    assert stale_pages([page], tmp_path) == {}
    assert "| eszsl" in (tmp_path / "combinations.md").read_text()


def test_the_grid_has_neither_other_formats_nor_columns(store, write):
    write("eszsl", np.ones((60, 5), dtype=bool))
    for words in (["--format", "html"], ["--columns", "fit"]):
        result = CliRunner().invoke(leaderboard, ["--results", str(store.root), "--grid", *words])
        assert isinstance(result.exception, UsageError)
        assert str(result.exception).startswith("--grid gives tables as text")


def test_without_results_there_are_no_tables():
    assert combination_tables([]) == []
