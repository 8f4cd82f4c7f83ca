import pytest
import torch

from gzslbench.contract import one_hot
from gzslbench.contract.info import Need
from gzslbench.contract.views import ClassSet, ValidationScores, View
from gzslbench.errors import ProtocolError

ATTRIBUTES = {
    Need.UNSEEN_SEMANTICS: "unseen_semantics",
    Need.TEST_FEATURES: "test_features",
    Need.SYNTHETIC: "synthetic",
    Need.PROXIES: "proxies",
    Need.OUTSIDE: "outside",
    Need.SHARED_SPACE: "feature_scale",
}


def _view(**changes):
    values = {"features": torch.zeros(4, 2), "labels": torch.tensor([2, 0, 1, 1]), "semantics": torch.eye(3)}
    return View(**(values | changes))


def test_every_need_has_its_attribute():
    assert {*ATTRIBUTES, Need.VALIDATION} == set(Need)


@pytest.mark.parametrize("need", ATTRIBUTES)
def test_what_is_offered_is_handed_over(need):
    tensor = torch.ones(2, 2)
    assert getattr(_view(offers={need: tensor}), ATTRIBUTES[need]) is tensor


def test_scores_on_validation_classes_are_handed_over_or_withheld():
    labels, margin = torch.tensor([0, 2]), torch.tensor([0.5, -0.5])
    scored = ValidationScores(
        labels, best_seen=labels, best_unseen=labels, margin=margin, training_margin=margin, seen_count=2
    )
    assert _view(scored=scored).validation is scored
    with pytest.raises(ProtocolError, match=r"asked for scores on validation classes .* Need\.VALIDATION "):
        _ = _view().validation


@pytest.mark.parametrize("need", ATTRIBUTES)
def test_what_is_withheld_names_component_protocol_and_need(need):
    offers = {other: torch.ones(1) for other in Need if other is not need}
    view = _view(offers=offers, reader="tf-vaegan", protocol="strict")
    with pytest.raises(ProtocolError) as caught:
        getattr(view, ATTRIBUTES[need])
    assert str(caught.value).startswith(f"'tf-vaegan' asked for {need.value} under the protocol 'strict'")
    assert f"Need.{need.name} " in str(caught.value)


def test_joined_continues_the_labels_of_seen_classes():
    features = torch.arange(8.0).reshape(4, 2)
    synthetic = torch.arange(100.0, 112.0).reshape(2, 3, 2)
    joined, labels = _view(features=features, offers={Need.SYNTHETIC: synthetic}).joined()
    assert labels.tolist() == [2, 0, 1, 1, 3, 3, 3, 4, 4, 4]
    assert torch.equal(joined, torch.cat([features, synthetic[0], synthetic[1]]))


def test_joined_needs_synthetic_features():
    with pytest.raises(ProtocolError):
        _view().joined()


def test_one_hot_rows_pick_their_class():
    encoded = _view().one_hot()
    assert encoded.dtype == torch.float32
    assert torch.equal(encoded, torch.eye(3)[[2, 0, 1, 1]])
    assert torch.equal(one_hot(torch.tensor([1]), 2), torch.tensor([[0.0, 1.0]]))


def test_a_class_set_counts_its_classes():
    assert len(ClassSet("unseen", torch.eye(2), torch.tensor([3, 4]))) == 2
