import numpy as np
import pytest
import torch

from gzslbench.contract.info import Need
from gzslbench.contract.views import View
from gzslbench.errors import ContractError
from gzslbench.evaluation.checks import Unchanged, checked, checked_log_prior

INF = float("inf")


def test_what_passes_comes_back_as_float32_without_a_graph():
    result = checked(torch.ones(2, 3, dtype=torch.float64, requires_grad=True), (2, None), "sae", "scores")
    assert result.dtype == torch.float32
    assert not result.requires_grad


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (torch.tensor([[0.0, float("nan")]]), "NaN or infinite"),
        (torch.tensor([[0.0, INF]]), "NaN or infinite"),
        (torch.tensor([[0.0, -INF]]), "NaN or infinite"),
        (torch.tensor([[0.0, 1e300]], dtype=torch.float64), "NaN or infinite"),
        (torch.zeros(2, 2), r"shape \(2, 2\); return floating point of shape \(1, any\)"),
        (torch.zeros(2), r"shape \(2\)"),
        (torch.zeros(1, 2, dtype=torch.int64), "torch.int64 tensor"),
        (np.zeros((1, 2)), "ndarray"),
        (None, "NoneType"),
    ],
)
def test_what_breaks_the_contract_is_named(result, message):
    with pytest.raises(ContractError, match=f"scores of 'sae' returned.*{message}"):
        checked(result, (1, None), "sae", "scores")


def test_a_log_prior_may_rule_out_one_domain():
    prior = torch.tensor([[0.0, -INF], [-INF, 0.0], [-1.0, 0.5]])
    assert torch.equal(checked_log_prior(prior, 3, "gate"), prior)


@pytest.mark.parametrize("row", [[-INF, -INF], [INF, 0.0], [float("nan"), 0.0], [-INF, float("nan")]])
def test_a_log_prior_must_leave_a_domain_and_be_a_number(row):
    with pytest.raises(ContractError, match="log_prior of 'gate'"):
        checked_log_prior(torch.tensor([[0.0, 0.0], row]), 2, "gate")


@pytest.fixture
def view():
    rng = torch.Generator().manual_seed(0)
    return View(
        torch.randn(6, 4, generator=rng),
        torch.tensor([0, 1, 2, 0, 1, 2]),
        torch.randn(3, 5, generator=rng),
        {Need.SYNTHETIC: torch.randn(2, 3, 4, generator=rng)},
    )


def _swap_labels(view):
    view.labels[[0, 1]] = view.labels[[1, 0]]


CHANGES = {
    "features": [
        lambda view: view.features.mul_(2),
        lambda view: view.features.numpy().__setitem__((5, 3), 9.0),
        lambda view: view.features.data.__setitem__((0, 0), 1e-30),
        lambda view: np.random.default_rng(0).shuffle(view.features.numpy()),
        lambda view: view.features.copy_(view.features.flip(1)),
    ],
    "labels": [lambda view: view.labels.add_(1), _swap_labels],
    "semantics": [lambda view: torch.nn.functional.normalize(view.semantics, out=view.semantics)],
    "synthetic features of unseen classes": [lambda view: view.synthetic.relu_()],
}


@pytest.mark.parametrize(("name", "change"), [(name, each) for name, several in CHANGES.items() for each in several])
def test_changed_inputs_are_named(view, name, change):
    unchanged = Unchanged(view)
    unchanged.verify("mine")
    change(view)
    with pytest.raises(ContractError, match=rf"'mine' changed its input \({name}\) in place"):
        unchanged.verify("mine")


def test_reading_is_no_change(view):
    unchanged = Unchanged(view)
    view.joined()
    view.features.numpy().sum()
    unchanged.verify("mine")
