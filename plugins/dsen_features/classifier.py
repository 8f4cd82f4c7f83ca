"""The domain-specific embeddings of DSEN, on features."""

from __future__ import annotations

from functools import partial

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy, mse_loss, normalize

from gzslbench.contract import Classifier, ClassSet, Context, Gate, Info, Need, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings, random_rows
from gzslbench_plugins.shared.domain_threshold import best_threshold, hard_routing
from gzslbench_plugins.shared.held_out import one_cut
from gzslbench_plugins.shared.networks import rescale
from gzslbench_plugins.shared.visual_projection import visual_projection


@dataclass(frozen=True)
class Config:
    """Settings of :class:`DSENFeatures`."""

    steps: PositiveInt = 300  # training steps
    batch_size: PositiveInt = 128  # samples per step
    learning_rate: PositiveFloat = 1e-3  # of Adam
    weight_decay: NonNegativeFloat = 5e-5  # L2 penalty
    reconstruction_weight: NonNegativeFloat = 5.0  # of L_rec
    division_weight: NonNegativeFloat = 0.01  # alpha, of the domain division of L_cls
    hidden: PositiveInt = 1024  # width of the hidden layers of the semantic encoders and of the decoder
    embedding: PositiveInt = 2048  # dimensions in which features and semantics are compared
    semantic_norm: NonNegativeFloat = 1.0  # length that class semantics are brought to; 0 leaves them as they are


class Network(nn.Module):
    """The visual projection, three encoders of semantics, their decoder and a classifier of all classes.

    Semantics (c, k) of seen classes are embedded by ``shared`` plus ``seen_only``, those of unseen classes by
    ``shared`` plus ``unseen_only``: (c, e), where features (n, d) lie as ``visual`` has them, (n, e).
    """

    def __init__(self, feature_dim: int, semantic_dim: int, classes: int, config: Config) -> None:
        super().__init__()
        layers = (semantic_dim, config.hidden, config.embedding)
        self.visual = visual_projection(feature_dim, config.embedding)
        self.shared, self.seen_only, self.unseen_only = (two_layers(*layers) for _ in range(3))
        self.decoder = nn.Sequential(
            nn.Linear(config.embedding, config.hidden), nn.LeakyReLU(), nn.Linear(config.hidden, semantic_dim)
        )
        self.classifier = nn.Linear(config.embedding, classes)

    def as_seen(self, a: Tensor) -> Tensor:
        """Embed semantics (c, k) as those of seen classes: (c, e)."""
        embedded: Tensor = self.shared(a) + self.seen_only(a)
        return embedded

    def as_unseen(self, a: Tensor) -> Tensor:
        """Embed semantics (c, k) as those of unseen classes: (c, e)."""
        embedded: Tensor = self.shared(a) + self.unseen_only(a)
        return embedded


def two_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.LeakyReLU(), nn.Linear(hidden, outputs), nn.LeakyReLU())


def division_loss(logits: Tensor, seen_count: int) -> Tensor:
    """The mean of -log10 P(unseen), for logits (c, classes) whose first ``seen_count`` columns are seen classes."""
    log_p = logits.log_softmax(1)[:, seen_count:].logsumexp(1)
    return -log_p.mean() / torch.log(log_p.new_tensor(10.0))


class DSENFeatures(Trained, Gate, Classifier):
    """Gate and classifier in one module: the classifier's best probability of a sample chooses its domain.

    Seen classes are told apart by the classifier, unseen ones by cosine to their embeddings.
    """

    info = Info(
        name="dsen-features",
        summary="semantics embedded by a shared and a domain-specific encoder; a classifier chooses the domain",
        paper="Min et al., ACM MM 2019",
        needs=(Need.UNSEEN_SEMANTICS,),
    )
    Config = Config

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Find the threshold on classes that are left out and play the unseen ones, then train on all."""
        x, y = view.features, view.labels
        seen, unseen = (self._condition(each) for each in (view.semantics, view.unseen_semantics))
        self.seen_count, self.threshold = len(seen), 0.0
        self.net = self._network(x, seen, unseen, ctx)

        cut = one_cut(view, ctx)
        kept, left_out = (self._condition(each) for each in (cut.kept.semantics, cut.unseen_semantics))
        net = self._network(x, kept, left_out, ctx)
        descent = self._descent(net, cut.kept.features, cut.kept.labels, kept, left_out, ctx)
        yield Training("threshold", self.config.steps, [descent], selectable=False)
        with torch.no_grad():
            self.threshold = best_threshold(doubt(net, cut.seen), doubt(net, cut.unseen))
        ctx.note(threshold=self.threshold)

        yield Training("embeddings", self.config.steps, [self._descent(self.net, x, y, seen, unseen, ctx)])

    def _network(self, x: Tensor, seen: Tensor, unseen: Tensor, ctx: Context) -> Network:
        return Network(x.shape[1], seen.shape[1], len(seen) + len(unseen), self.config).to(ctx.device)

    def _descent(self, net: Network, x: Tensor, y: Tensor, seen: Tensor, unseen: Tensor, ctx: Context) -> Descent:
        config: Config = self.config

        def batches() -> Batches:
            rows = random_rows(len(y), config.batch_size, ctx)
            yield x[rows], y[rows]

        loss = partial(losses, net, config, seen, unseen)
        adam = Adam(config.learning_rate, betas=(0.5, 0.999), weight_decay=config.weight_decay)
        return Descent(loss, batches, adam, trains=[net])

    @torch.no_grad()
    def unseen_score(self, features: Tensor) -> Tensor:
        """Say how far the classifier is from being sure: (n, d) to (n,), in [0, 1]."""
        return doubt(self.net, features)

    def log_prior(self, features: Tensor) -> Tensor:
        """Send samples of more doubt than the threshold to the unseen classes, others to the seen ones."""
        return hard_routing(self.unseen_score(features) > self.threshold)

    @torch.no_grad()
    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score seen classes by logits of the classifier; others, or all together, by cosine to their embeddings."""
        embedded = self.net.visual(features)
        if classes.domain == "seen":
            return self.net.classifier(embedded)[:, classes.index]
        a = self._condition(classes.semantics)
        is_seen = (classes.index < self.seen_count)[:, None]
        semantics = torch.where(is_seen, self.net.as_seen(a), self.net.as_unseen(a))
        return normalize(embedded, dim=1) @ normalize(semantics, dim=1).T

    def _condition(self, semantics: Tensor) -> Tensor:
        return rescale(semantics, self.config.semantic_norm)


def losses(net: Network, config: Config, seen: Tensor, unseen: Tensor, x: Tensor, y: Tensor) -> Terms:
    """L = L_rank + L_cls + L_rec of samples x (n, d) with labels y (n,), semantics seen (c, k) and unseen (u, k)."""
    embedded = net.visual(x)
    seen_as_seen, seen_as_unseen, unseen_as_unseen = net.as_seen(seen), net.as_unseen(seen), net.as_unseen(unseen)
    pseudo_unseen = torch.cat([seen_as_unseen, unseen_as_unseen])
    return {
        "rank": cosine_distance(embedded, seen_as_seen[y]) + cosine_distance(embedded, seen_as_unseen[y]),
        "classifier": cross_entropy(net.classifier(embedded), y),
        "division": config.division_weight * division_loss(net.classifier(pseudo_unseen), len(seen)),
        "reconstruction": config.reconstruction_weight
        * (mse_loss(net.decoder(seen_as_seen), seen) + mse_loss(net.decoder(unseen_as_unseen), unseen)),
    }


def cosine_distance(embedded: Tensor, semantics: Tensor) -> Tensor:
    """The mean cosine distance of samples (n, e) from the embeddings of their classes (n, e)."""
    return 1 - cosine_similarity(embedded, semantics).mean()


def doubt(net: Network, features: Tensor) -> Tensor:
    """1 - the highest probability in the classifier: (n, d) to (n,)."""
    return 1 - net.classifier(net.visual(features)).softmax(1).amax(1)
