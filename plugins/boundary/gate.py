"""The boundary of the seen classes on a hypersphere on which features and semantics meet."""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, l1_loss, normalize, softplus

from gzslbench.contract import Context, Gate, Info, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings, random_rows
from gzslbench_plugins.boundary.sinkhorn import SMALLEST_EPSILON, sinkhorn_distance
from gzslbench_plugins.boundary.von_mises_fisher import draw_noise, sample
from gzslbench_plugins.shared.domain_threshold import hard_routing
from gzslbench_plugins.shared.networks import rescale


@dataclass(frozen=True)
class BoundaryConfig:
    """Settings of :class:`Boundary`; the defaults are those of the released code, unless they say otherwise."""

    epochs: PositiveInt = 20  # of n / batch_size steps each, for n seen samples; ours
    batch_size: PositiveInt = 128  # seen samples per step
    learning_rate: PositiveFloat = 1e-3  # of Adam; ours
    hidden: PositiveInt = 512  # width of the hidden layer of encoders and decoders
    latent: Annotated[int, Field(ge=3)] = 64  # dimensions of the space that the sphere lies in
    least_concentration: NonNegativeFloat = 100.0  # added to each kappa
    distance_weight: NonNegativeFloat = 0.1  # of the Sinkhorn distance
    distance_samples: PositiveInt = 10  # samples of either distribution behind one distance
    epsilon: Annotated[float, Field(ge=SMALLEST_EPSILON)] = 0.1  # weight of the entropy of the transport plan
    sinkhorn_iterations: PositiveInt = 5  # ours; the released code stops by itself, after 3 where we looked
    quantile: Annotated[float, Field(ge=0, lt=1)] = 0.05  # share of seen training samples beyond the boundary
    unit_features: bool = True  # features are brought to length 1
    semantic_norm: NonNegativeFloat = 1.0  # length that class semantics are brought to; 0 leaves them as they are


class Encoder(nn.Module):
    """The mean and the concentration of a von Mises-Fisher distribution: (n, inputs) to (n, m) and (n, 1)."""

    def __init__(self, inputs: int, config: BoundaryConfig) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(inputs, config.hidden), nn.ReLU())
        self.mu = nn.Linear(config.hidden, config.latent)
        self.kappa = nn.Linear(config.hidden, 1, bias=False)
        self.least_concentration = config.least_concentration

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.hidden(inputs)
        return normalize(self.mu(hidden), dim=1), softplus(self.kappa(hidden)) + self.least_concentration


class Networks(nn.Module):
    """Encoders and decoders of features and of semantics, and a classifier of the seen classes on the sphere."""

    def __init__(self, feature_dim: int, semantic_dim: int, classes: int, config: BoundaryConfig) -> None:
        super().__init__()
        self.encode_x, self.encode_a = Encoder(feature_dim, config), Encoder(semantic_dim, config)
        self.decode_x, self.decode_a = (
            nn.Sequential(nn.Linear(config.latent, config.hidden), nn.ReLU(), nn.Linear(config.hidden, outputs))
            for outputs in (feature_dim, semantic_dim)
        )
        self.classify = nn.Linear(config.latent, classes)


class Boundary(Trained, Gate):
    """Calls a sample unseen that lies farther from every seen class than nearly all training samples do."""

    info = Info(
        name="boundary",
        summary="cosine to the nearest seen class on a hypersphere on which features and semantics meet",
        paper="Chen et al., A Boundary Based Out-of-Distribution Classifier for GZSL, ECCV 2020",
    )
    Config = BoundaryConfig

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Align features and semantics of each seen class on the sphere, then find the boundary."""
        config: BoundaryConfig = self.config
        x, y, a = self._prepared(view.features), view.labels, rescale(view.semantics, config.semantic_norm)
        self.networks = Networks(x.shape[1], a.shape[1], len(a), config).to(ctx.device)
        drawn = 1 + config.distance_samples  # one to decode and classify

        def batches() -> Batches:
            rows = random_rows(len(x), config.batch_size, ctx)
            noise = (draw_noise(len(rows), drawn, config.latent, ctx) for _ in ("features", "semantics"))
            yield x[rows], y[rows], *(tensor for each in noise for tensor in each)

        steps = config.epochs * math.ceil(len(x) / config.batch_size)
        descent = Descent(partial(self._loss, a), batches, Adam(config.learning_rate), trains=[self.networks])
        yield Training("sphere", steps, [descent])
        with torch.no_grad():
            self.centres, _ = self.networks.encode_a(a)  # of the seen classes (c, m)
        cosines = -self.unseen_score(view.features)
        self.boundary = cosines.sort().values[int(config.quantile * len(cosines))]
        ctx.note(boundary=float(self.boundary))

    def _loss(self, a: Tensor, x: Tensor, y: Tensor, *noise: Tensor) -> Terms:
        """L = |x - D_x(z)| + |a - D_a(z)| + 0.1 d(q(z|x), q(z|a)) - log p(y|z), where z is drawn from either.

        Absolute differences are means over dimensions.
        """
        config, net = self.config, self.networks
        a = a[y]
        z_x = sample(*net.encode_x(x), *noise[:3])  # (n, samples, m)
        z_a = sample(*net.encode_a(a), *noise[3:])
        z = torch.cat([z_x[:, 0], z_a[:, 0]])
        distance = sinkhorn_distance(z_x[:, 1:], z_a[:, 1:], config.epsilon, config.sinkhorn_iterations)
        return {
            "features": l1_loss(net.decode_x(z), x.repeat(2, 1)),
            "semantics": l1_loss(net.decode_a(z), a.repeat(2, 1)),
            "distance": config.distance_weight * distance.mean(),
            "cross_entropy": cross_entropy(net.classify(z), y.repeat(2)),
        }

    @torch.no_grad()
    def unseen_score(self, features: Tensor) -> Tensor:
        """Give minus the cosine to the nearest seen class: (n, d) to (n,)."""
        mu, _ = self.networks.encode_x(self._prepared(features))
        cosines: Tensor = mu @ self.centres.T
        return -cosines.amax(dim=1)

    def log_prior(self, features: Tensor) -> Tensor:
        """Send each sample to the experts of one domain: (0, -inf) within the boundary, else (-inf, 0)."""
        return hard_routing(-self.unseen_score(features) < self.boundary)

    def _prepared(self, features: Tensor) -> Tensor:
        return normalize(features, dim=1) if self.config.unit_features else features
