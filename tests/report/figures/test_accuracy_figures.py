"""Figures of accuracies and shares: what is drawn, against values worked out by hand."""

import numpy as np
import pytest

from gzslbench.errors import RecordError
from gzslbench.records.metrics import Curve, Metrics, Routing
from gzslbench.records.record import PartKey
from gzslbench.report.figures.catalogue import FIGURES
from gzslbench.report.figures.drawing import caption
from gzslbench.report.figures.drawing import draw as write
from gzslbench.report.figures.seen_unseen import mean_curve


def _lines(axes):
    return {line.get_label(): line for line in axes.lines}


def test_confusion_is_the_mean_over_seeds_with_the_rest_in_the_last_column(add, predict, draw):
    add(predictions=predict({2: 5, 7: 0}))
    add(predictions=predict({2: 5}), seed=1)
    drawing = draw("confusion", "gsmflow")
    axes = drawing.figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["class c", "class f", "class h", "class a"]
    assert [label.get_text() for label in axes.get_xticklabels()][-1] == "other class"
    assert axes.images[0].get_array().tolist() == [
        [0, 1, 0, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 0.5, 0.5, 0],
        [0, 0, 0, 1, 0],
    ]
    assert {text.get_text() for text in axes.texts} == {"100", "50"}
    assert "seeds 0-1" in caption(FIGURES["confusion"], drawing)


def test_confusion_of_many_classes_shows_unseen_ones_and_one_column_for_the_others(add, predict, draw, monkeypatch):
    monkeypatch.setattr("gzslbench.report.figures.confusion.MOST_NUMBERED", 2)
    add(predictions=predict({2: 5, 7: 0}))
    axes = draw("confusion", "gsmflow").figure.axes[0]
    assert axes.images[0].get_array().tolist() == [[0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["seen class"]


def test_sensitivity_draws_means_and_a_band_of_one_deviation(add, draw):
    for steps, base in ((1, 0.1), (10, 0.3), (1000, 0.2)):
        for seed, offset in enumerate((-0.05, 0.05)):
            add(config={"steps": steps, "mode": "a"}, seed=seed, h=base + offset, u=0.5, s=0.6)
    add(config={"steps": 10, "mode": "b"}, seed=0)
    drawing = draw("sensitivity", "gsmflow", setting="gsmflow.steps")
    assert "bands one standard deviation" in caption(FIGURES["sensitivity"], drawing)
    axes = drawing.figure.axes[0]
    h = _lines(axes)["H"]
    assert h.get_xdata().tolist() == [1, 10, 1000]
    assert h.get_ydata() == pytest.approx([10, 30, 20])
    assert _lines(axes)["U"].get_ydata() == pytest.approx([50, 50, 50])
    band = axes.collections[2].get_paths()[0].vertices
    deviation = 100 * 0.05 * 2**0.5
    assert {round(y, 4) for x, y in band if x == 10} == {round(30 - deviation, 4), round(30 + deviation, 4)}
    assert axes.get_xscale() == "log"


def test_sensitivity_draws_all_sweeps_of_three_values(add, draw):
    add(config={"a": 1, "b": 1, "c": 1})
    for name, values in (("a", (2, 3)), ("b", (2,)), ("c", (0, 99))):
        for value in values:
            add(config={"a": 1, "b": 1, "c": 1, name: value})
    drawing = draw("sensitivity")
    assert "band" not in caption(FIGURES["sensitivity"], drawing), "there is one seed"
    figure = drawing.figure
    assert [axes.get_xlabel() for axes in figure.axes] == ["gsmflow.a", "gsmflow.c"]
    assert [axes.get_xscale() for axes in figure.axes] == ["linear", "symlog"]
    assert [_lines(axes)["usual value"].get_xdata()[0] for axes in figure.axes] == [1, 1]


def test_points_of_a_sweep_are_means_over_the_seeds_that_all_of_them_share(add, draw):
    for steps, h in ((1, (0.1, 0.3)), (10, (0.3, 0.5, 1.0)), (100, (0.2, 0.4))):
        for seed, value in enumerate(h):
            add(config={"steps": steps}, seed=seed, h=value)
    drawing = draw("sensitivity", "gsmflow", setting="gsmflow.steps")
    assert _lines(drawing.figure.axes[0])["H"].get_ydata() == pytest.approx([20, 40, 30])
    assert "seeds 0-1" in caption(FIGURES["sensitivity"], drawing)


@pytest.mark.parametrize(
    ("figure", "method", "setting", "values"),
    [
        ("sensitivity", "gsmflow", "entropy_weight", "0.1,1.0,5.0,10.0,20.0"),
        ("proxy-count", "early-gan", "proxy_count", "30,100,300,1000,3000,5000"),
    ],
)
def test_a_missing_sweep_is_named_with_the_values_that_the_plugin_declares(add, draw, figure, method, setting, values):
    add(method, generator=method, config={setting: 10})
    grid = f"{method}.{setting}={values}"
    with pytest.raises(RecordError, match=rf"gzslbench run --plugin {method} .*--grid {grid}"):
        draw(figure)


def test_confidence_puts_shares_of_the_training_and_scores_on_the_same_steps(add, draw):
    for share, h, score in ((0.0, 0.6, 4.0), (0.1, 0.3, 2.0), (0.5, 0.5, 2.5), (1.0, 0.4, 2.9)):
        notes = {"early-gan.confidence_steps": [0, 60], "early-gan.confidence_scores": [1.5, score]}
        notes |= {"early-gan.confidence_band": [2.0, 3.0]}
        config = {"steps": 60, "single_state": share}
        add("early-gan", generator="early-gan", config=config, h=h, notes=notes)
    drawing = draw("confidence")
    assert "H over the 2 admissible of 3 single states: 45.0 ± 7.1." in drawing.what
    above, below = drawing.figure.axes
    (curve,) = above.containers
    assert curve[0].get_xdata() == pytest.approx([6, 30, 60])
    assert curve[0].get_ydata() == pytest.approx([30, 50, 40])
    assert _lines(above)["all admissible states"].get_ydata()[0] == pytest.approx(60)
    assert _lines(below)["Confidence Score"].get_ydata().tolist() == [1.5, 4.0]
    (band,) = below.patches
    assert (band.get_y(), band.get_height()) == (2.0, 1.0)


def test_routing_stacks_mean_shares_of_every_data_set(add, draw, ask, tmp_path):
    def metrics(seen):
        routings = Routing(seen, 0.0, 1 - seen), Routing(0.0, 1.0, 0.0)
        return Metrics(0.5, 0.5, 0.5, 0.5, 0.5, None, None, *routings)

    for seed, seen in enumerate((0.2, 0.6)):
        add("early-gan", seed=seed, metrics=metrics(seen))
    add("early-gan", data_set="OTHER", metrics=metrics(1.0))
    drawing = draw("routing")
    axes = drawing.figure.axes[0]
    bars = {each.get_label(): [(bar.get_x(), bar.get_width()) for bar in each] for each in axes.containers}
    names = ["OTHER, seen", "OTHER, unseen", "TINY, seen", "TINY, unseen"]
    assert [label.get_text() for label in axes.get_yticklabels()] == names
    assert bars["SL: seen expert"] == pytest.approx(np.array([(0, 100), (0, 0), (0, 40), (0, 0)]))
    assert bars["GZSL: all classes"] == pytest.approx(np.array([(100, 0), (0, 0), (40, 60), (0, 0)]))
    assert bars["ZSL: unseen expert"] == pytest.approx(np.array([(100, 0), (0, 100), (100, 0), (0, 100)]))
    assert [path.name for path in write(ask("routing"), tmp_path)] == ["routing-all.png", "routing-all.svg"]


def test_curves_are_averaged_at_equal_unseen_accuracy():
    one = Curve(np.zeros(2), seen=np.array([1.0, 0.0]), unseen=np.array([0.0, 1.0]))
    other = Curve(np.zeros(2), seen=np.array([0.5, 0.0]), unseen=np.array([0.0, 0.5]))
    unseen, seen = mean_curve([one, other])
    at = {0.0: 0.75, 0.25: 0.5, 0.5: 0.25, 0.75: 0.125, 1.0: 0.0}
    assert np.interp(list(at), unseen, seen) == pytest.approx(list(at.values()))


def test_seen_unseen_draws_the_curve_and_the_working_point(add, predict, draw):
    add("eszsl", u=0.3, s=0.7, h=0.42)
    curve, point = draw("seen-unseen", "eszsl").figure.axes[0].lines
    assert (curve.get_xdata()[0], curve.get_ydata()[0]) == pytest.approx((0, 100))
    assert (curve.get_xdata()[-1], curve.get_ydata()[-1]) == pytest.approx((100, 0))
    assert (point.get_xdata()[0], point.get_ydata()[0]) == pytest.approx((30, 70))
    assert point.get_label() == "eszsl (H 42.0)"


def test_seen_unseen_draws_coinciding_curves_once_and_says_so(add, predict, draw):
    for method, u in (("eszsl", 0.3), ("sae", 0.4)):
        add(method, config={"of": method}, u=u, s=0.7)
    drawing = draw("seen-unseen", "eszsl", "sae")
    assert [line.get_linestyle() for line in drawing.figure.axes[0].lines[::2]] == ["-", "None"]
    assert "Curves that coincide are drawn once: eszsl and sae." in drawing.what


def test_seen_unseen_leaves_out_variants_and_nameless_combinations(add, draw):
    for method in ("eszsl", "gsmflow", "gsmflow-bare", "gsmflow+none+none"):
        add(method, config={"of": method}, h={"gsmflow": 0.6}.get(method, 0.5))
    labels = [line.get_label() for line in draw("seen-unseen").figure.axes[0].lines[1::2]]
    assert [label.partition(" ")[0] for label in labels] == ["gsmflow", "eszsl"]


def test_combinations_are_drawn_with_and_without_a_generator(add, draw):
    softmax = {"deviations": {}, "classifier": PartKey("softmax", {}, "c0de" * 4)}
    for gate, h in (("none", 0.2), ("energy", 0.6)):
        add("gsmflow", gate=PartKey(gate, {}, "c0de" * 4), h=h, **softmax)
    add("eszsl", generator=None, gate=PartKey("none", {}, "c0de" * 4), h=0.4, deviations={})
    after_generators, alone = draw("combinations").figure.axes
    assert after_generators.images[0].get_array().tolist() == [[60, 20]]
    assert [label.get_text() for label in after_generators.get_xticklabels()] == ["energy, softmax", "none, softmax"]
    assert alone.images[0].get_array().tolist() == [[40]]
    assert {text.get_text() for axes in (after_generators, alone) for text in axes.texts} == {"60", "20", "40"}


def test_combinations_without_any_say_how_to_make_some(add, draw):
    add("gsmflow", deviations={"gsmflow.steps": 1})
    with pytest.raises(RecordError, match="gzslbench run --all --dataset TINY"):
        draw("combinations")
