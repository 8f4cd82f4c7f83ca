"""The softmax classifier against scikit-learn's logistic regression."""

from __future__ import annotations

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from gzslbench.contract import ClassSet, Context, Need, View
from gzslbench.errors import ProtocolError
from gzslbench_plugins.softmax.classifier import Config, Softmax, balanced_weights

SEEN, UNSEEN, WIDTH = 4, 3, 6


def samples(each: int, seed: int) -> Tensor:
    """Overlapping Gaussian classes, class-major: (7, each, 6)."""
    means = torch.randn(SEEN + UNSEEN, 1, WIDTH, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(SEEN + UNSEEN, each, WIDTH, generator=torch.Generator().manual_seed(seed))
    return means + 0.7 * noise


def problem(each: int = 60, synthetic_each: int | None = None) -> View:
    made = samples(each, 1)
    features, labels = made[:SEEN].flatten(0, 1), torch.arange(SEEN).repeat_interleave(each)
    return View(features, labels, torch.rand(SEEN, 2), {Need.SYNTHETIC: made[SEEN:, : synthetic_each or each]})


def context(seed: int = 0) -> Context:
    return Context(torch.device("cpu"), seed)


def fitted(view: View, ctx: Context | None = None, **settings: object) -> Softmax:
    classifier = Softmax(Config(**settings))  # type: ignore[arg-type]
    classifier.fit(view, ctx or context())
    return classifier


def scores(classifier: Softmax, index: Tensor | None = None) -> Tensor:
    index = torch.arange(SEEN + UNSEEN) if index is None else index
    with torch.no_grad():
        return classifier.scores(samples(100, 2).flatten(0, 1), ClassSet("all", torch.empty(len(index), 2), index))


def reference(view: View, class_weight: str | None = None) -> Tensor:
    """Give the probabilities of scikit-learn's optimum, the bias penalised like a weight as Adam's L2 penalty does."""
    features, labels = view.joined()
    queries = samples(100, 2).flatten(0, 1)
    exact = LogisticRegression(fit_intercept=False, class_weight=class_weight, max_iter=5000, tol=1e-7)
    exact.fit(with_constant(features), labels)
    return torch.from_numpy(exact.predict_proba(with_constant(queries))).float()


def with_constant(features: Tensor) -> Tensor:
    return torch.cat([features, torch.ones(len(features), 1)], dim=1)


def converged(view: View, **settings: object) -> Tensor:
    """Give the probabilities after full-batch training with the penalty that is scikit-learn's default."""
    count = len(view.joined()[1])
    penalty = 1 / count
    trained = fitted(view, epochs=800, learning_rate=0.03, batch_size=count, weight_decay=penalty, **settings)
    return scores(trained).softmax(dim=1)


def test_it_agrees_with_logistic_regression() -> None:
    own, exact = converged(problem()), reference(problem())
    torch.testing.assert_close(own, exact, atol=0.01, rtol=0)
    assert (own.argmax(dim=1) == exact.argmax(dim=1)).float().mean() > 0.99


def test_balanced_weights_agree_with_logistic_regression() -> None:
    view = problem(synthetic_each=6)
    balanced, exact = converged(view, class_weights="balanced"), reference(view, "balanced")
    torch.testing.assert_close(balanced, exact, atol=0.01, rtol=0)
    assert (converged(view) - exact).abs().max() > 0.1


def test_balanced_weights_make_classes_equal() -> None:
    labels = torch.tensor([0, 0, 0, 1])
    assert balanced_weights(labels, 2).tolist() == pytest.approx([4 / 6, 4 / 2])


def test_it_is_reproducible_by_the_seed_of_its_context() -> None:
    view = problem()
    first = scores(fitted(view, context(1), epochs=2))
    torch.manual_seed(99)
    assert torch.equal(first, scores(fitted(view, context(1), epochs=2)))
    assert not torch.allclose(first, scores(fitted(view, context(2), epochs=2)), atol=1e-3)


def test_columns_follow_the_index() -> None:
    classifier = fitted(problem(), epochs=2)
    every = scores(classifier)
    index = torch.tensor([5, 9, 0, 9, 6, 9])[::2]
    assert not index.is_contiguous()
    assert torch.equal(scores(classifier, index), every[:, [5, 0, 6]])


def test_scores_do_not_depend_on_the_batch() -> None:
    classifier = fitted(problem(), epochs=2)
    rows, classes = samples(10, 3).flatten(0, 1), ClassSet("all", torch.empty(7, 2), torch.arange(7))
    pieces = torch.cat([classifier.scores(piece, classes) for piece in rows.split(3)])
    torch.testing.assert_close(pieces, classifier.scores(rows, classes))


def test_epochs_are_the_steps_that_a_protocol_may_cut() -> None:
    ctx, seen = context(), []
    ctx.on_checkpoint = lambda stage, step: seen.append((stage, step, bool(scores(classifier).isfinite().all())))
    classifier = Softmax(Config(epochs=20))
    classifier.fit(problem(), ctx)
    assert seen == [("softmax", epoch, True) for epoch in range(2, 21, 2)]
    assert len(ctx.curves["cross_entropy"]) == 20
    assert ctx.curves["cross_entropy"][-1][1] < ctx.curves["cross_entropy"][0][1]


def test_initial_weights_have_the_deviation_that_was_asked_for() -> None:
    still = {"epochs": 1, "learning_rate": 1e-12}
    assert fitted(problem(), weight_std=0.0, **still).layer.weight.abs().max() < 1e-9
    wide = View(torch.rand(8, 4000), torch.arange(8) % 4, torch.rand(4, 2), {Need.SYNTHETIC: torch.rand(3, 2, 4000)})
    assert fitted(wide, weight_std=0.5, **still).layer.weight.std().item() == pytest.approx(0.5, rel=0.02)


def test_weight_decay_shrinks_weights() -> None:
    strong, none = (
        fitted(problem(), epochs=300, learning_rate=0.03, weight_decay=decay).layer.weight.norm()
        for decay in (1.0, 0.0)
    )
    assert strong < 0.5 * none


def test_it_needs_synthetic_features() -> None:
    view = problem()
    with pytest.raises(ProtocolError, match="synthetic"):
        fitted(View(view.features, view.labels, view.semantics))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *(("epochs", 0), ("batch_size", 0), ("learning_rate", 0.0), ("learning_rate", float("nan"))),
        *(("beta1", 1.0), ("weight_decay", -1.0), ("weight_std", -0.1), ("class_weights", "some")),
    ],
)
def test_a_bad_setting_is_refused(setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        Config(**{setting: value})  # type: ignore[arg-type]
