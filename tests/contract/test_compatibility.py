"""The shapes of published methods, and under which protocols each can be run."""

import itertools

import numpy as np
import pytest

from gzslbench.contract.compatibility import obstacle, obstacle_in_data, uses_unseen_semantics
from gzslbench.contract.dataset import DataSet, Split
from gzslbench.contract.info import Info, Makes, Need
from gzslbench.contract.parts import Parts
from gzslbench.contract.protocol import PROTOCOLS

F_CLSWGAN = Info("f-clswgan", makes=(Makes.SYNTHETIC,))
CADA_VAE = Info("cada-vae", needs=(Need.UNSEEN_SEMANTICS,), makes=(Makes.ENCODING, Makes.SYNTHETIC))
EARLY_GAN = Info("early-gan", makes=(Makes.PROXIES,))
BOTH_KINDS = Info("both-kinds", makes=(Makes.PROXIES, Makes.SYNTHETIC))
ENCODER = Info("encoder", makes=(Makes.ENCODING,))
E_PGN = Info("e-pgn", makes=(Makes.SYNTHETIC,))
TRANSDUCTIVE_GGM = Info("ggm", needs=(Need.UNSEEN_SEMANTICS, Need.TEST_FEATURES), makes=(Makes.SYNTHETIC,))

NO_GATE = Info("none")
STACKING = Info("calibrated-stacking", needs=(Need.VALIDATION,))
CEWGAN_GATE = Info("ood-gate", needs=(Need.SYNTHETIC,))
ENTROPY = Info("entropy", needs=(Need.OUTSIDE,))
PROXY_GATE = Info("proxy-gate", needs=(Need.PROXIES,))

SOFTMAX = Info("softmax", needs=(Need.SYNTHETIC,))
ESZSL = Info("eszsl")
SAE = Info("sae")
NEAREST = Info("nearest-prototype", needs=(Need.SYNTHETIC,))
SEMANTIC = Info("semantic", needs=(Need.UNSEEN_SEMANTICS,))
SIMILARITY = Info("similarity", needs=(Need.SHARED_SPACE,))

SEMANTICS = tuple(name for name, protocol in PROTOCOLS.items() if protocol.visibility.name != "strict")
FREE = tuple(PROTOCOLS)
VALIDATED = tuple(name for name, protocol in PROTOCOLS.items() if protocol.validates)

METHODS = {
    "f-CLSWGAN": (F_CLSWGAN, NO_GATE, SOFTMAX, SEMANTICS),
    "f-CLSWGAN with calibrated stacking": (F_CLSWGAN, STACKING, SOFTMAX, {*SEMANTICS} & {*VALIDATED}),
    "early-GAN": (EARLY_GAN, ENTROPY, ENTROPY, FREE),
    "CADA-VAE": (CADA_VAE, NO_GATE, SOFTMAX, SEMANTICS),
    "CEWGAN with a gate trained on synthetic features": (F_CLSWGAN, CEWGAN_GATE, SOFTMAX, SEMANTICS),
    "synthetic features for the gate alone": (F_CLSWGAN, CEWGAN_GATE, ESZSL, SEMANTICS),
    "proxies for the gate alone": (EARLY_GAN, PROXY_GATE, ESZSL, FREE),
    "entropy on synthetic features": (F_CLSWGAN, ENTROPY, ENTROPY, SEMANTICS),
    "entropy where there are proxies, too": (BOTH_KINDS, ENTROPY, ENTROPY, FREE),
    "ESZSL": (None, NO_GATE, ESZSL, FREE),
    "SAE with calibrated stacking": (None, STACKING, SAE, VALIDATED),
    "ESZSL on encoded features": (ENCODER, NO_GATE, ESZSL, FREE),
    "similarity": (None, NO_GATE, SIMILARITY, FREE),
    "similarity behind a gate of synthetic features": (F_CLSWGAN, CEWGAN_GATE, SIMILARITY, SEMANTICS),
    "E-PGN": (E_PGN, NO_GATE, NEAREST, SEMANTICS),
    "transductive GGM": (TRANSDUCTIVE_GGM, NO_GATE, SOFTMAX, ("transductive", "transductive-calibrated")),
    "a classifier that uses unseen semantics": (None, NO_GATE, SEMANTIC, SEMANTICS),
}


@pytest.mark.parametrize(("method", "protocol"), list(itertools.product(METHODS, PROTOCOLS)))
def test_published_shapes(method, protocol):
    generator, gate, classifier, allowed = METHODS[method]
    reason = obstacle(Parts(generator, gate, classifier), PROTOCOLS[protocol])
    assert (reason == "") == (protocol in allowed), reason


REFUSED = {
    "'softmax' needs synthetic features of unseen classes, and there is no generator": (None, NO_GATE, SOFTMAX),
    "'softmax' needs synthetic features of unseen classes, and 'early-gan' makes none": (EARLY_GAN, NO_GATE, SOFTMAX),
    "'ood-gate' needs synthetic features of unseen classes, and there is no generator": (None, CEWGAN_GATE, ESZSL),
    "'proxy-gate' needs proxies, and 'f-clswgan' makes none": (F_CLSWGAN, PROXY_GATE, SOFTMAX),
    "'entropy' needs proxies or synthetic features of unseen classes, and 'encoder' makes none": (
        ENCODER,
        ENTROPY,
        ENTROPY,
    ),
    "'similarity' needs features and semantics in one space, and 'encoder' moves features to another": (
        ENCODER,
        NO_GATE,
        SIMILARITY,
    ),
    "neither 'none' nor 'eszsl' uses what 'f-clswgan' makes": (F_CLSWGAN, NO_GATE, ESZSL),
    "neither 'calibrated-stacking' nor 'sae' uses what 'early-gan' makes": (EARLY_GAN, STACKING, SAE),
}


@pytest.mark.parametrize("reason", REFUSED)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_combinations_that_fit_no_protocol(reason, protocol):
    assert obstacle(Parts(*REFUSED[reason]), PROTOCOLS[protocol]) == reason


@pytest.mark.parametrize(
    ("combination", "protocol", "reason"),
    [
        (
            (TRANSDUCTIVE_GGM, NO_GATE, SOFTMAX),
            "inductive",
            "'ggm' needs test features, which 'inductive' withholds",
        ),
        (
            (CADA_VAE, NO_GATE, SOFTMAX),
            "strict",
            "'cada-vae' needs unseen semantics, which 'strict' withholds",
        ),
        (
            (None, STACKING, SAE),
            "inductive",
            "'calibrated-stacking' needs scores on validation classes, which 'inductive' does not cut; protocols "
            "ending in -calibrated, and 'validated', do",
        ),
        (
            (F_CLSWGAN, NO_GATE, SOFTMAX),
            "strict",
            "'softmax' needs synthetic features, which 'f-clswgan' makes from unseen semantics, "
            "and 'strict' withholds these until test time",
        ),
        (
            (F_CLSWGAN, CEWGAN_GATE, ESZSL),
            "strict",
            "'ood-gate' needs synthetic features, which 'f-clswgan' makes from unseen semantics, "
            "and 'strict' withholds these until test time",
        ),
    ],
)
def test_reasons_name_component_need_and_protocol(combination, protocol, reason):
    assert obstacle(Parts(*combination), PROTOCOLS[protocol]) == reason


def made_of(features: int, semantics: int, name: str = "MINE", shared_space: bool = False) -> DataSet:
    split = Split("s", [0], [1], [2], [0], [1])
    arrays = np.ones((3, features)), np.array([0, 0, 1]), np.ones((2, semantics))
    return DataSet(name, *arrays, ("a", "b"), {"s": split}, shared_space=shared_space)


@pytest.mark.parametrize(
    ("data_set", "reason"),
    [
        (
            made_of(2048, 312),
            "'similarity' needs features and semantics in one space, and these have 2,048 and 312 dimensions",
        ),
        (
            made_of(4, 4),
            "'similarity' needs features and semantics in one space; if these are, as embeddings by one model, "
            "write shared_space = true into dataset.toml beside them, or shared_space=True into a plugin's DataSet",
        ),
        (made_of(4, 4, "MINE@sent"), 'shared_space = ["sent"] into dataset.toml'),
    ],
)
def test_a_space_that_is_not_shared_is_told_with_what_to_do(data_set, reason):
    for role in (Parts(None, NO_GATE, SIMILARITY), Parts(F_CLSWGAN, SIMILARITY, SOFTMAX)):
        assert reason in obstacle_in_data(role, data_set)


def test_a_declared_space_serves_those_who_need_it_and_others_need_none():
    assert obstacle_in_data(Parts(None, NO_GATE, SIMILARITY), made_of(4, 4, shared_space=True)) == ""
    assert obstacle_in_data(Parts(F_CLSWGAN, NO_GATE, SOFTMAX), made_of(2048, 312)) == ""


def test_every_reason_names_a_component():
    generators = [None, F_CLSWGAN, CADA_VAE, EARLY_GAN, BOTH_KINDS, ENCODER, TRANSDUCTIVE_GGM]
    gates, classifiers = [NO_GATE, CEWGAN_GATE, ENTROPY, PROXY_GATE], [SOFTMAX, ESZSL, SEMANTIC]
    reasons = 0
    for *parts, protocol in itertools.product(generators, gates, classifiers, PROTOCOLS.values()):
        if reason := obstacle(Parts(*parts), protocol):
            reasons += 1
            assert any(f"'{info.name}'" in reason for info in parts if info)
    assert reasons > 100


@pytest.mark.parametrize(
    ("method", "used"),
    [
        ("f-CLSWGAN", True),
        ("CADA-VAE", True),
        ("early-GAN", False),
        ("entropy where there are proxies, too", False),
        ("ESZSL", False),
        ("a classifier that uses unseen semantics", True),
        ("transductive GGM", True),
    ],
)
def test_the_column_of_unseen_data(method, used):
    assert uses_unseen_semantics(Parts(*METHODS[method][:3])) is used
