from dataclasses import FrozenInstanceError

import pytest

from gzslbench.info import Info, Makes, Need


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
