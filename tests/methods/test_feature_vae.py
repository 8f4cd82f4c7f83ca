"""Shared parts of autoencoders of features: what is frozen, what is dropped, and the Gaussian likelihood."""

from __future__ import annotations

import torch
from torch.distributions import Normal

from gzslbench.contract import Context
from gzslbench_plugins.shared.dropout import dropout_mask
from gzslbench_plugins.shared.feature_vae import FeatureDecoder, FeatureEncoder, frozen, squared_error


def test_gradients_pass_a_frozen_network_without_reaching_its_weights() -> None:
    torch.manual_seed(0)
    encoder, x = FeatureEncoder(5, 8, 6, 3), torch.rand(4, 5, requires_grad=True)
    sum(each.square().sum() for each in frozen(encoder, x)).backward()
    through = x.grad.clone()
    assert all(weight.grad is None for weight in encoder.parameters())
    x.grad = None
    sum(each.square().sum() for each in encoder(x)).backward()
    torch.testing.assert_close(through, x.grad)
    assert encoder.first.weight.grad.abs().sum() > 0


def test_the_encoder_does_without_what_is_dropped() -> None:
    torch.manual_seed(0)
    encoder, x = FeatureEncoder(5, 8, 6, 3), torch.rand(1, 5)
    kept = torch.ones(1, 8)
    kept[0, 3] = 0
    mean, _ = encoder(x, kept)
    with torch.no_grad():
        encoder.second.weight[:, 3] = 0
    torch.testing.assert_close(encoder(x)[0], mean)


def test_the_decoder_is_told_the_class() -> None:
    torch.manual_seed(0)
    decoder, z = FeatureDecoder(3, 4, 8, 5), torch.randn(1, 3)
    assert not torch.equal(decoder(z, torch.zeros(1, 4)), decoder(z, torch.ones(1, 4)))


def test_squared_error_is_a_negative_log_likelihood() -> None:
    value, target = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(0))
    nll = -Normal(value, 1.0).log_prob(target).sum(dim=1).mean()
    constant = -Normal(0.0, 1.0).log_prob(torch.tensor(0.0)) * 5
    torch.testing.assert_close(squared_error(value, target), nll - constant)


def test_dropout_keeps_the_mean() -> None:
    mask = dropout_mask((400, 500), 0.3, Context(torch.device("cpu"), 0))
    assert mask.unique().tolist() == [0.0, torch.tensor(1 / 0.7).item()]
    assert abs(mask.mean().item() - 1) < 0.01
    assert (dropout_mask((3, 4), 0.0, Context(torch.device("cpu"), 0)) == 1).all()
