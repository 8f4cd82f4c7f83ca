import pytest
from matplotlib.figure import Figure

from gzslbench.records.summary import summary_of
from gzslbench.report.figures.catalogue import FIGURES
from gzslbench.report.figures.drawing import Drawing, caption
from gzslbench.report.groups import group_results

ROUTING = FIGURES["routing"]


@pytest.fixture
def group(make_record):
    def make(data_set, budget, seeds, method="early-gan"):
        described = {"data_set": data_set, "budget": budget, "method": method}
        return group_results(summary_of(make_record(seed=seed, **described)) for seed in seeds)[0]

    return make


def test_what_all_groups_share_is_said_once(group):
    groups = [group("CUB", "full", range(5)), group("CUB", "full", range(2), "gsmflow")]
    source = f"After {ROUTING.source}."
    assert caption(ROUTING, Drawing(Figure(), "Shares.", groups)) == (
        f"Shares. Data set CUB (official), protocol inductive, budget full, seeds 0-4. {source}"
    )
    assert caption(ROUTING, Drawing(Figure(), "Shares.", groups, [1])) == (
        f"Shares. Data set CUB (official), protocol inductive, budget full, seed 1. {source}"
    )


def test_each_data_set_has_seeds_and_budget_of_its_own(group):
    groups = [group("CUB", "quick", range(2)), group("FLO", "full", range(5))]
    assert caption(ROUTING, Drawing(Figure(), "Shares.", groups)).startswith(
        "Shares. Data set CUB (official), protocol inductive, budget quick, seeds 0-1; "
        "data set FLO (official), protocol inductive, budget full, seeds 0-4. After"
    )
