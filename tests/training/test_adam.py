"""The optimiser against its plain form."""

import pytest
import torch

from gzslbench.training import Adam


@pytest.mark.parametrize("amsgrad", [False, True])
def test_updates_equal_those_of_plain_adam(amsgrad: bool) -> None:
    weights = [torch.nn.Parameter(torch.linspace(-1, 1, 7)) for _ in range(2)]
    ours, schedule = Adam(1e-2, betas=(0.5, 0.9), weight_decay=0.1, amsgrad=amsgrad).over(weights[:1])
    options = {"lr": 1e-2, "betas": (0.5, 0.9), "weight_decay": 0.1, "amsgrad": amsgrad}
    plain = torch.optim.Adam(weights[1:], **options, fused=False, foreach=False)
    assert schedule is None
    for step in range(20):
        for weight, optimiser in zip(weights, (ours, plain), strict=True):
            weight.grad = weight.detach().sin() / (1 + step)  # the largest mean square is not the latest
            optimiser.step()
    torch.testing.assert_close(*weights)


def test_the_rate_falls_by_stages() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser, schedule = Adam(1.0, decay=0.5, decay_every=3).over([weight])
    rates = []
    for _ in range(7):
        rates.append(float(optimiser.param_groups[0]["lr"]))
        weight.grad = torch.ones(1)
        optimiser.step()
        schedule.step()
    assert rates == pytest.approx([1, 1, 1, 0.5, 0.5, 0.5, 0.25])
