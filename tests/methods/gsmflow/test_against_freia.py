"""The flow against FrEIA, the library that the released code builds on, with the same weights."""

import math

import pytest
import torch
from FrEIA.framework import ConditionNode, GraphINN, InputNode, Node, OutputNode
from FrEIA.modules import GLOWCouplingBlock
from torch import Tensor, nn

from gzslbench_plugins.gsmflow.flow import LEAK, Flow, SubNet

DIM, CONDITIONS, HIDDEN, CLAMP = 7, 4, 16, 1.3


def make_flow(couplings: int) -> Flow:
    torch.manual_seed(0)
    flow = Flow(DIM, CONDITIONS, couplings, HIDDEN, CLAMP).double()
    for parameter in flow.parameters():
        nn.init.normal_(parameter, std=0.3)
    return flow


def in_freia(flow: Flow) -> GraphINN:
    """The same network as a graph of FrEIA's, which concatenates conditions and clamps by a function of ours."""
    condition = ConditionNode(CONDITIONS)
    nodes = [InputNode(DIM)]
    for _ in flow.couplings:
        arguments = {
            "subnet_constructor": lambda inputs, outputs: nn.Sequential(
                nn.Linear(inputs, HIDDEN), nn.LeakyReLU(LEAK), nn.Linear(HIDDEN, outputs)
            ),
            "clamp": CLAMP,
            "clamp_activation": lambda s: 2 / math.pi * torch.atan(s / CLAMP),
            "split_len": DIM // 2,
        }
        nodes.append(Node(nodes[-1], GLOWCouplingBlock, arguments, conditions=condition))
    graph = GraphINN([*nodes, condition, OutputNode(nodes[-1])], verbose=False).double()
    blocks = [module for module in graph.modules() if isinstance(module, GLOWCouplingBlock)]
    parts = zip(flow.conditions.weight.split(HIDDEN), flow.conditions.bias.split(HIDDEN), strict=True)
    for coupling, block in zip(flow.couplings, blocks, strict=True):
        copy(coupling.first, *next(parts), block.subnet2)  # FrEIA's second sub-net is the one applied first
        copy(coupling.second, *next(parts), block.subnet1)
    return graph


@torch.no_grad()
def copy(net: SubNet, condition_weight: Tensor, bias: Tensor, into: nn.Sequential) -> None:
    into[0].weight.copy_(torch.cat([net.features.weight, condition_weight], dim=1))
    into[0].bias.copy_(bias)
    into[2].weight.copy_(net.output.weight)
    into[2].bias.copy_(net.output.bias)


@pytest.mark.parametrize("couplings", [1, 3, 5])
def test_likelihood_and_both_directions_are_those_of_freia(couplings: int) -> None:
    flow = make_flow(couplings)
    graph = in_freia(flow)
    x, a = torch.randn(20, DIM, dtype=torch.float64), torch.randn(20, CONDITIONS, dtype=torch.float64)
    embedded = flow.embed(a)
    z, log_determinant = flow(x, embedded)
    their_z, their_log_determinant = graph(x, c=[a])
    torch.testing.assert_close(z, their_z)
    torch.testing.assert_close(log_determinant, their_log_determinant)
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(their_z).sum(dim=1)
    torch.testing.assert_close(flow.log_likelihood(x, embedded), prior + their_log_determinant)
    torch.testing.assert_close(flow.inverse(z, embedded), graph(their_z, c=[a], rev=True)[0])
    assert log_determinant.abs().min() > 0.01
