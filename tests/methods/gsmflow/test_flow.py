"""The flow against its equations: Eq. 12 undoes Eq. 11, and the log-determinant is that of the numeric Jacobian."""

import math

import pytest
import torch
from torch import nn

from gzslbench_plugins.gsmflow.flow import Coupling, Flow, SubNet

CLAMPS = [0.0, 1.0]


def make_flow(dim: int = 5, couplings: int = 3, clamp: float = 1.0, std: float = 0.3) -> Flow:
    """A flow in float64 far from the identity, so that each error shows."""
    torch.manual_seed(0)
    flow = Flow(dim, condition_dim=4, couplings=couplings, hidden=16, clamp=clamp).double()
    for parameter in flow.parameters():
        nn.init.normal_(parameter, std=std)
    return flow


def embedded_rows(flow: Flow, rows: int) -> torch.Tensor:
    return flow.embed(torch.randn(rows, 4, dtype=torch.float64))


@pytest.mark.parametrize("clamp", CLAMPS)
def test_log_determinant_is_that_of_the_jacobian(clamp: float) -> None:
    flow = make_flow(clamp=clamp)
    x, embedded = torch.randn(1, 5, dtype=torch.float64), embedded_rows(flow, 1)
    jacobian = torch.autograd.functional.jacobian(lambda row: flow(row[None], embedded)[0][0], x[0])
    assert flow(x, embedded)[1].item() == pytest.approx(torch.linalg.slogdet(jacobian).logabsdet.item(), abs=1e-9)


@pytest.mark.parametrize("clamp", CLAMPS)
def test_inverse_of_ten_couplings(clamp: float) -> None:
    flow = make_flow(dim=7, couplings=10, clamp=clamp, std=0.15).float()
    x = torch.randn(20, 7)
    embedded = flow.embed(torch.randn(20, 4))
    z, _ = flow(x, embedded)
    torch.testing.assert_close(flow.inverse(z, embedded), x, atol=1e-5, rtol=1e-5)
    assert (z - x).abs().max() > 0.1


def test_couplings_follow_eq_15_with_concatenated_conditions() -> None:
    flow = make_flow(dim=5, couplings=1, clamp=0.0)
    u, a = torch.randn(1, 5, dtype=torch.float64), torch.randn(1, 4, dtype=torch.float64)
    coupling: Coupling = flow.couplings[0]

    def sub_net(net: SubNet, half: torch.Tensor, which: int) -> tuple[torch.Tensor, ...]:
        rows = slice(16 * which, 16 * (which + 1))
        weight = torch.cat([net.features.weight, flow.conditions.weight[rows]], dim=1)
        hidden = torch.cat([half, a], dim=1) @ weight.T + flow.conditions.bias[rows]
        hidden = torch.where(hidden > 0, hidden, 0.2 * hidden)
        return (hidden @ net.output.weight.T + net.output.bias).chunk(2, dim=1)

    s1, t1 = sub_net(coupling.first, u[:, 2:], 0)
    v1 = u[:, :2] * torch.exp(s1) + t1
    s2, t2 = sub_net(coupling.second, v1, 1)
    v2 = u[:, 2:] * torch.exp(s2) + t2
    z, log_determinant = flow(u, flow.embed(a))
    torch.testing.assert_close(z, torch.cat([v1, v2], dim=1))
    torch.testing.assert_close(log_determinant, s1.sum(1) + s2.sum(1))


def test_log_scale_is_bounded_by_the_clamp() -> None:
    net = SubNet(2, 4, 2, clamp=1.5)
    s = torch.tensor([-1e6, 0.0, 1e-3, 1e6])
    clamped = net.soft_clamp(s)
    assert clamped.abs().max() <= 1.5
    torch.testing.assert_close(clamped[[0, 3]], torch.tensor([-1.5, 1.5]), atol=1e-4, rtol=0)
    assert clamped[2].item() == pytest.approx(2 / math.pi * 1e-3, rel=1e-4)


def test_density_integrates_to_one() -> None:
    flow = make_flow(dim=2, couplings=2)
    axis = torch.linspace(-20, 20, 801, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        density = flow.log_likelihood(grid, embedded_rows(flow, 1)).exp()
    assert density.sum().item() * (axis[1] - axis[0]).item() ** 2 == pytest.approx(1.0, abs=1e-3)


def test_log_likelihood_of_the_identity_is_the_prior() -> None:
    flow = make_flow(std=0.0)
    x = torch.randn(6, 5, dtype=torch.float64)
    expected = torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(dim=1)
    torch.testing.assert_close(flow.log_likelihood(x, embedded_rows(flow, 6)), expected)


def test_one_embedded_row_serves_all_samples() -> None:
    flow = make_flow()
    x, row = torch.randn(6, 5, dtype=torch.float64), embedded_rows(flow, 1)
    torch.testing.assert_close(flow.inverse(x, row), flow.inverse(x, row.expand(6, -1)))


def test_parameters_start_as_in_the_released_code() -> None:
    torch.manual_seed(0)
    values = torch.cat([p.flatten() for p in Flow(8, 6, 2, 64, 1.0).parameters()])
    assert values.std().item() == pytest.approx(0.01, rel=0.05)
    assert abs(values.mean().item()) < 1e-3
