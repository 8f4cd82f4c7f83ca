import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.contract.context import CHECKPOINTS, LOG_POINTS, Context
from gzslbench.errors import ContractError, DivergedError


def _context(**options):
    return Context(torch.device("cpu"), 5, component="gan", **options)


def test_the_stream_is_the_seed_s():
    draws = [torch.rand(3, generator=Context(torch.device("cpu"), seed).rng).tolist() for seed in (5, 5, 6)]
    assert draws[0] == draws[1] != draws[2]


@given(st.integers(0, 500))
def test_steps_count_from_one_and_checkpoints_end_with_the_last(total):
    seen, shown = [], []
    ctx = _context(
        on_checkpoint=lambda stage, step: seen.append((stage, step)),
        on_progress=lambda stage, step, last: shown.append((stage, step, last)),
    )
    assert list(ctx.steps(total, stage="flow")) == list(range(1, total + 1))
    steps = [step for _, step in seen]
    assert steps == sorted(set(steps))
    assert not total or steps[-1] == total
    assert len(steps) < 2 * CHECKPOINTS
    assert shown == [(stage, step, total) for stage, step in seen]


def test_a_limit_ends_a_selectable_stage_at_a_step_where_it_was_looked_at():
    seen = []
    list(_context(on_checkpoint=lambda _, step: seen.append(step)).steps(100, stage="flow"))
    limited = _context(limits={"flow": seen[3]})
    assert list(limited.steps(100, stage="flow"))[-1] == seen[3] == 40
    assert len(list(limited.steps(100, stage="other"))) == 100


def test_a_stage_that_prepares_is_neither_limited_nor_looked_at():
    seen, shown = [], []
    ctx = _context(
        limits={"prepare": 3},
        on_checkpoint=lambda *at: seen.append(at),
        on_progress=lambda *at: shown.append(at),
    )
    assert len(list(ctx.steps(20, stage="prepare", selectable=False))) == 20
    assert not seen
    assert len(shown) == CHECKPOINTS


def test_curves_are_thinned_and_keep_their_steps():
    ctx = _context()
    for step in ctx.steps(10 * LOG_POINTS):
        ctx.log(loss=torch.tensor(float(step)), rate=1.0)
    curves = ctx.settled_curves()
    assert set(curves) == {"loss", "rate"}
    assert len(curves["loss"]) == LOG_POINTS
    assert all(step == value for step, value in curves["loss"])


def test_a_logged_tensor_may_be_overwritten():
    ctx, loss = _context(), torch.zeros(())
    for step in ctx.steps(3):
        loss.fill_(float(step))
        ctx.log(loss=loss)
    assert ctx.settled_curves()["loss"] == [(1, 1.0), (2, 2.0), (3, 3.0)]


def test_logging_does_not_wait_for_the_device(monkeypatch):
    """Nothing may ask a tensor for its value, which would wait for a GPU, before a checkpoint."""
    asked = []
    for name in ("item", "tolist", "__float__", "__bool__", "numpy", "cpu"):
        real = getattr(torch.Tensor, name)
        monkeypatch.setattr(
            torch.Tensor, name, lambda self, *a, real=real, name=name: asked.append(name) or real(self, *a)
        )
    ctx = _context()
    loop = ctx.steps(100)
    for _ in range(9):
        next(loop)
        ctx.log(loss=torch.ones((), requires_grad=True) * 2)
    assert not asked
    list(loop)
    assert asked
    assert not any(value.requires_grad for _, value in ctx.curves["loss"] if isinstance(value, torch.Tensor))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), torch.tensor(float("nan")), np.float64("nan")])
def test_training_stops_at_the_checkpoint_after_a_value_that_is_not_finite(value):
    ctx, done = _context(), []

    def train():
        for step in ctx.steps(100):
            ctx.log(critic=value if step == 13 else 0.5, other=0.0)
            done.append(step)

    with pytest.raises(DivergedError, match=r"'gan' diverged: its critic was (nan|inf) at step 13;"):
        train()
    assert done[-1] == 20


def test_a_plain_loop_is_checked_at_the_end():
    ctx = _context()
    for _ in range(3):
        ctx.log(loss=torch.tensor(float("nan")))
    with pytest.raises(DivergedError):
        ctx.settled_curves()


def test_curves_hold_scalars_alone():
    with pytest.raises(ContractError, match=r"'gan' logged a tensor of shape \(2,\) as loss"):
        _context().log(loss=torch.zeros(2))


def test_notes_are_kept():
    ctx = _context()
    ctx.note(name="x", count=3, share=0.5, steps=[1, 2])
    ctx.note(count=4)
    assert ctx.notes == {"name": "x", "count": 4, "share": 0.5, "steps": [1, 2]}


def test_numpy_s_scalars_become_plain_numbers():
    ctx = _context()
    ctx.notes["share"] = np.float32(0.5)
    ctx.note(count=np.int64(3), all=[np.float64(1), np.bool_(True)])
    settled = ctx.settled_notes()
    assert settled == {"share": 0.5, "count": 3, "all": [1.0, True]}
    assert [type(each) for each in (settled["share"], settled["count"], *settled["all"])] == [float, int, float, bool]


class Unshowable(str):
    def __repr__(self):
        raise ValueError("no")


CYCLIC = []
CYCLIC.append(CYCLIC)
DEEP = 0
for _ in range(10_000):
    DEEP = [DEEP]
UNWRITABLE = [
    *(torch.zeros(()), float("nan"), [1.0, float("inf")], {"a": 1}, None, np.float32("nan"), np.zeros(2), b"bytes"),
    *(10**5000, -(2**64), "\ud800", ["\udfff"], CYCLIC, DEEP, np.longdouble(1), np.datetime64("2026-01-01")),
    *({1, 2}, lambda: 0, 1j, Unshowable("x")),
]


@pytest.mark.parametrize("fact", UNWRITABLE, ids=range(len(UNWRITABLE)))
def test_notes_that_no_record_can_hold_are_refused(fact):
    with pytest.raises(ContractError, match="'gan' noted 'fact' = "):
        _context().note(fact=fact)
    ctx = _context()
    ctx.notes["fact"] = fact
    with pytest.raises(ContractError, match="'gan' noted 'fact' = "):
        ctx.settled_notes()


@pytest.mark.parametrize("facts", [{"a": "x" * 10**6}, {"a": [0] * 10**6}, {str(i): 0 for i in range(10**5)}])
def test_notes_are_few(facts):
    ctx = _context()
    ctx.note(**facts)
    with pytest.raises(ContractError, match="the notes of 'gan' take more than 256 KiB; note less"):
        ctx.settled_notes()


def test_notes_have_names_that_can_be_written():
    ctx = _context()
    ctx.notes["\ud800"] = 1
    with pytest.raises(ContractError, match="'gan' noted "):
        ctx.settled_notes()
