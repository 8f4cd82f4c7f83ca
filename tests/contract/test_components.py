from dataclasses import dataclass

import pytest
import torch

from gzslbench.contract import Classifier, Component, Context, Gate, Generator, Info, NoConfig, View


@dataclass(frozen=True)
class Config:
    scale: float = 2.0


class Both(Gate, Classifier):
    info = Info("both")
    Config = Config

    def fit(self, view, ctx):
        self.mean = view.features.mean(dim=0)

    def log_prior(self, features):
        return features.new_zeros(len(features), 2)

    def scores(self, features, classes):
        return features @ classes.semantics.T


class Plain(Generator):
    info = Info("plain")

    def fit(self, view, ctx):
        pass


@pytest.fixture
def view():
    return View(torch.ones(3, 2), torch.tensor([0, 1, 0]), torch.eye(2))


def test_a_component_without_a_config_gets_the_defaults():
    assert Both().config == Config()
    assert Both(Config(scale=3.0)).config.scale == 3.0
    assert Plain().config == NoConfig()


def test_what_a_kind_asks_for_is_abstract():
    assert Component.__abstractmethods__ == {"fit"}
    assert Gate.__abstractmethods__ == {"fit", "log_prior"}
    assert Classifier.__abstractmethods__ == {"fit", "scores"}
    with pytest.raises(TypeError):
        Gate()


def test_a_generator_leaves_real_features_as_they_are_by_default(view):
    ctx = Context(torch.device("cpu"), 0)
    features, labels = Plain().training_set(view, ctx)
    assert features is view.features
    assert labels is view.labels
    with pytest.raises(NotImplementedError):
        Plain().generate(view.semantics, 2, ctx)
    with pytest.raises(NotImplementedError):
        Plain().proxies(2, ctx)


def test_seen_samples_are_encoded_by_default(view):
    class Doubling(Plain):
        def encode(self, features):
            return 2 * features

    features, _ = Doubling().training_set(view, Context(torch.device("cpu"), 0))
    assert torch.equal(features, 2 * view.features)
