"""The gradient step: precision, and on a GPU the captured graph."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gzslbench.contract.context import Context
from gzslbench.errors import ContractError
from gzslbench.training import Adam
from gzslbench.training.step import EAGER_STEPS, Step


def make(device: str = "cpu", precision: str = "float32") -> tuple[nn.Linear, Step, list[torch.dtype]]:
    torch.manual_seed(0)
    layer, seen = nn.Linear(16, 8).to(device), []

    def evaluate(x: Tensor) -> dict[str, Tensor]:
        y = layer(x)
        seen.append(y.dtype)
        return {"loss": y.float().square().mean()}

    ctx = Context(torch.device(device), 0, precision=precision)
    return layer, Step(evaluate, [list(layer.parameters())], [Adam(1e-2).over([*layer.parameters()])], ctx), seen


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_products_follow_the_policy_and_weights_stay_float32(precision: str, dtype: torch.dtype) -> None:
    layer, step, seen = make(precision=precision)
    before = layer.weight.clone()
    terms = step(torch.ones(4, 16))
    assert seen == [dtype]
    assert layer.weight.dtype == layer.weight.grad.dtype == terms["loss"].dtype == torch.float32
    assert not torch.equal(layer.weight, before)
    assert not terms["loss"].requires_grad


def test_bfloat16_takes_nearly_the_same_steps() -> None:
    x = torch.rand(32, 16)
    (plain, one, _), (rounded, other, _) = make(), make(precision="bfloat16")
    for _ in range(20):
        one(x), other(x)
    torch.testing.assert_close(plain.weight, rounded.weight, atol=2e-2, rtol=0)


@pytest.mark.gpu
def test_a_captured_step_equals_an_eager_one_and_never_waits_for_the_device() -> None:
    batches = [torch.rand(4, 16) for _ in range(EAGER_STEPS + 5)]
    eager, on_cpu, _ = make()
    captured, on_gpu, calls = make("cuda")
    for batch in batches[: EAGER_STEPS + 1]:
        on_gpu(batch.cuda())
    moved = [batch.cuda() for batch in batches[EAGER_STEPS + 1 :]]
    torch.cuda.set_sync_debug_mode("error")
    try:
        for batch in moved:
            on_gpu(batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for batch in batches:
        on_cpu(batch)
    assert len(calls) == EAGER_STEPS + 1
    torch.testing.assert_close(captured.weight.cpu(), eager.weight, atol=1e-5, rtol=1e-4)


@pytest.mark.gpu
def test_each_shape_has_a_graph_of_its_own() -> None:
    layer, step, _ = make("cuda")
    for _ in range(EAGER_STEPS + 2):
        for rows in (4, 6):
            assert torch.isfinite(step(torch.rand(rows, 16, device="cuda"))["loss"])
    assert torch.isfinite(layer.weight).all()


@pytest.mark.gpu
def test_a_loss_that_waits_for_the_device_is_named() -> None:
    layer = nn.Linear(16, 8).cuda()

    def evaluate(x: Tensor) -> dict[str, Tensor]:
        loss = layer(x).square().mean()
        return {"loss": loss / max(loss.item(), 1.0)}

    step = Step(
        evaluate, [list(layer.parameters())], [Adam(1e-2).over([*layer.parameters()])], Context(torch.device("cuda"), 0)
    )
    batches = [torch.rand(4, 16, device="cuda") for _ in range(EAGER_STEPS + 1)]
    for batch in batches[:-1]:
        step(batch)
    with pytest.raises(ContractError, match="plain loop"):
        step(batches[-1])
