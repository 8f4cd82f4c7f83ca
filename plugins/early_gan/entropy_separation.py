"""The visual-semantic mapping module with entropy separation (Sections 4.1, 4.3 and 4.4)."""

from __future__ import annotations

from functools import partial
from typing import Literal

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss, normalize

from gzslbench.contract import Classifier, ClassSet, Context, Gate, Info, Need, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings, random_rows
from gzslbench_plugins.shared.networks import rescale

SHOWN_SAMPLES = 2000
"""Seen samples, and proxies, whose entropies are kept for a figure."""
Compatibility = Literal["negative squared distance", "cosine", "inner product"]


@dataclass(frozen=True)
class EntropyConfig:
    """Settings of :class:`EntropySeparation`; entropies are in nats."""

    steps: PositiveInt = 5000  # training steps
    batch_size: PositiveInt = 64  # seen samples per step, and as many proxies
    learning_rate: PositiveFloat = 3e-4  # of Adam
    hidden: PositiveInt = 1024  # width of the hidden layers of f_v, g and f_s
    latent: PositiveInt = 512  # dimensions of the shared space
    autoencoder_weight: NonNegativeFloat = 1.0  # of L_AE
    latent_weight: NonNegativeFloat = 1.0  # of L_LE
    classifier_weight: NonNegativeFloat = 1.0  # of L_CLFR
    separation_weight: NonNegativeFloat = 1.0  # of L_ES; 0 trains without proxies, the paper's baseline
    gamma: NonNegativeFloat = 1.0  # margin between the mean entropies of seen samples and proxies
    delta_l: NonNegativeFloat = 0.5  # below this entropy a sample is of a seen class
    delta_h: float = 1.5  # above this entropy a sample is of an unseen class
    compatibility: Compatibility = "negative squared distance"  # F
    semantic_norm: NonNegativeFloat = 1.0  # length that class semantics are brought to; 0 leaves them as they are

    def __post_init__(self) -> None:
        if not self.delta_l <= self.delta_h:
            raise ValueError(f"delta_l must be at most delta_h, got {self.delta_l} and {self.delta_h}")


class MappingModule(nn.Module):
    """f_v, g, f_s and C; latents are (n, m)."""

    def __init__(self, feature_dim: int, semantic_dim: int, classes: int, config: EntropyConfig) -> None:
        super().__init__()
        self.f_v = two_layers(feature_dim, config.hidden, config.latent)
        self.g = two_layers(config.latent, config.hidden, feature_dim)
        self.f_s = two_layers(semantic_dim, config.hidden, config.latent)
        self.C = nn.Linear(config.latent, classes)


def two_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """One hidden ReLU layer."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


def entropy(logits: Tensor) -> Tensor:
    """Entropy in nats of the softmax of logits (n, c): (n,)."""
    return torch.special.entr(logits.softmax(1)).sum(1)


def separation_loss(seen_logits: Tensor, proxy_logits: Tensor, gamma: float) -> Tensor:
    """L_ES = max(0, H_S - H_P + gamma), of the batches' mean entropies (Eq. 8)."""
    return torch.relu(entropy(seen_logits).mean() - entropy(proxy_logits).mean() + gamma)


def route(entropies: Tensor, delta_l: float, delta_h: float) -> Tensor:
    """Log-priors (n, 2) of (seen, unseen) by Eq. 10; an entropy on a threshold leaves both domains open."""
    prior = entropies.new_zeros(len(entropies), 2)
    prior[:, 1].masked_fill_(entropies < delta_l, -torch.inf)
    prior[:, 0].masked_fill_(entropies > delta_h, -torch.inf)
    return prior


class EntropySeparation(Trained, Gate, Classifier):
    """Gate and classifier in one module: entropies of C choose the domain, C or the compatibility the class."""

    info = Info(
        name="entropy",
        summary="entropy separation of seen samples from proxies in a visual-semantic mapping",
        paper="Gune et al., ACM MM 2020",
        needs=(Need.OUTSIDE,),
        precisions=("float32", "bfloat16"),
    )
    Config = EntropyConfig

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train on seen samples and proxies (Algorithm 1, step 4)."""
        config: EntropyConfig = self.config
        x, a, y, proxies = view.features, self._condition(view.semantics), view.labels, view.outside
        self.module = MappingModule(x.shape[1], a.shape[1], len(a), config).to(ctx.device)

        def batches() -> Batches:
            rows, outside = (random_rows(len(each), config.batch_size, ctx) for each in (x, proxies))
            yield x[rows], y[rows], proxies[outside]

        loss = partial(self._loss, a)
        yield Training("mapping", config.steps, [Descent(loss, batches, Adam(config.learning_rate), [self.module])])
        few = (each[:: max(1, len(each) // SHOWN_SAMPLES)] for each in (x, proxies))
        seen_entropy, proxy_entropy = map(self.unseen_score, few)
        ctx.keep(seen_entropy=seen_entropy, proxy_entropy=proxy_entropy)

    def _loss(self, a: Tensor, x: Tensor, y: Tensor, proxies: Tensor) -> Terms:
        """L = L_AE + L_LE + L_CLFR + L_ES (Eq. 5 and 9), weighted; means over samples and dimensions."""
        config, net = self.config, self.module
        latent, proxy_latent = net.f_v(torch.cat([x, proxies])).float().tensor_split([len(x)])
        logits, proxy_logits = net.C(latent).float(), net.C(proxy_latent).float()
        return {
            "autoencoder": config.autoencoder_weight * mse_loss(net.g(latent).float(), x),  # Eq. 3
            "matching": config.latent_weight * mse_loss(latent, net.f_s(a).float()[y]),  # Eq. 4
            "classifier": config.classifier_weight * cross_entropy(logits, y),
            "separation": config.separation_weight * separation_loss(logits, proxy_logits, config.gamma),  # Eq. 8
        }

    @torch.no_grad()
    def unseen_score(self, features: Tensor) -> Tensor:
        """H_t, the entropy of C: (n, d) to (n,)."""
        return entropy(self.module.C(self.module.f_v(features)))

    def log_prior(self, features: Tensor) -> Tensor:
        """Route by the entropy of C."""
        return route(self.unseen_score(features), self.config.delta_l, self.config.delta_h)

    @torch.no_grad()
    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score seen classes by C (supervised), others by the compatibility F(f_v(x), f_s(a)) (Eq. 1 and 2)."""
        latent = self.module.f_v(features)
        if classes.domain == "seen":
            log_p: Tensor = self.module.C(latent).log_softmax(1)[:, classes.index]
            return log_p
        return self._compatibility(latent, self.module.f_s(self._condition(classes.semantics)))

    def _compatibility(self, v: Tensor, s: Tensor) -> Tensor:
        """F of visual embeddings (n, m) and semantic embeddings (c, m): (n, c)."""
        if self.config.compatibility == "negative squared distance":
            return -torch.cdist(v, s).square()
        if self.config.compatibility == "cosine":
            return normalize(v, dim=1) @ normalize(s, dim=1).T
        return v @ s.T

    def _condition(self, semantics: Tensor) -> Tensor:
        return rescale(semantics, self.config.semantic_norm)
