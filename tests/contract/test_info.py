from dataclasses import FrozenInstanceError

import pytest

from gzslbench.contract.info import Info, Makes, Method, Need


def test_info_is_hashable_and_frozen():
    info = Info("a", needs=(Need.PROXIES,), makes=(Makes.SYNTHETIC,))
    assert len({info, Info("a", needs=(Need.PROXIES,), makes=(Makes.SYNTHETIC,))}) == 1
    with pytest.raises(FrozenInstanceError):
        info.name = "b"


@pytest.mark.parametrize(
    "wrong", [{"needs": Need.PROXIES}, {"needs": [Need.PROXIES]}, {"needs": (Makes.PROXIES,)}, {"makes": ("proxies",)}]
)
def test_info_refuses_what_is_no_tuple_of_members(wrong):
    with pytest.raises(TypeError, match=r"'mine' must give a tuple of (Need|Makes)"):
        Info("mine", **wrong)


@pytest.mark.parametrize("wrong", ["False", 0, None])
def test_info_refuses_what_is_neither_true_nor_false(wrong):
    with pytest.raises(TypeError, match="'mine' must give True or False as draws"):
        Info("mine", draws=wrong)


@pytest.mark.parametrize("wrong", [{"generator": None}, {"gate": 1}, {"summary": ("a",)}, {"name": None}])
def test_a_method_refuses_what_is_no_text(wrong):
    (name,) = wrong
    with pytest.raises(TypeError, match=f"must give text as {name}, got .*; leave out what it has none of"):
        Method(**{"name": "mine", "classifier": "softmax"} | wrong)
