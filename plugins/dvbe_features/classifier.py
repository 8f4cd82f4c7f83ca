"""The two branches of DVBE on features: one tells domains and seen classes, the other unseen classes."""

from __future__ import annotations

import math
from functools import partial

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy, normalize

from gzslbench.contract import Classifier, ClassSet, Context, Gate, Info, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings, random_rows
from gzslbench_plugins.shared.domain_threshold import best_threshold, hard_routing
from gzslbench_plugins.shared.held_out import one_cut
from gzslbench_plugins.shared.networks import rescale
from gzslbench_plugins.shared.visual_projection import visual_projection


@dataclass(frozen=True)
class Config:
    """Settings of :class:`DVBEFeatures`."""

    steps: PositiveInt = 300  # training steps of either branch
    batch_size: PositiveInt = 128  # samples per step
    domain_learning_rate: PositiveFloat = 1e-3  # of Adam, for the domain branch
    semantic_learning_rate: PositiveFloat = 1e-3  # of Adam, for the semantic branch
    weight_decay: NonNegativeFloat = 1e-4  # L2 penalty of both
    sigma: PositiveFloat = 0.5  # of the adaptive margin; the higher, the larger the margin of samples in doubt
    projection: PositiveInt = 256  # width of the hidden layer of the domain branch
    hidden: PositiveInt = 1024  # width of the hidden layer from semantics to the embedding
    embedding: PositiveInt = 2048  # dimensions in which features and semantics are compared
    semantic_norm: NonNegativeFloat = 1.0  # length that class semantics are brought to; 0 leaves them as they are


def domain_branch(feature_dim: int, projection: int, classes: int) -> nn.Sequential:
    """The semantic-free representation and its classifier of seen classes: features (n, d) to logits (n, c)."""
    return nn.Sequential(visual_projection(feature_dim, projection), nn.Linear(projection, classes))


class SemanticBranch(nn.Module):
    """The semantic-aligned representation, what class semantics are mapped to, and an auxiliary classifier."""

    def __init__(self, feature_dim: int, semantic_dim: int, classes: int, config: Config) -> None:
        super().__init__()
        self.visual = visual_projection(feature_dim, config.embedding)
        self.semantic = nn.Sequential(
            *(nn.Linear(semantic_dim, config.hidden), nn.LeakyReLU()),
            *(nn.Linear(config.hidden, config.embedding), nn.LeakyReLU()),
        )
        self.auxiliary = nn.Linear(config.embedding, classes)


def adaptive_margin_loss(logits: Tensor, labels: Tensor, sigma: float) -> Tensor:
    """Cross-entropy after the logit of the right class is shrunk, the more the surer the prediction is of it.

    Its factor is 1 - exp(-(p - 1)^2 / sigma), where p is the probability of the right class, taken as a constant: a
    sample that is right is asked to be so by a margin. Logits are counted from their mean; METHOD.md says why.
    """
    right = labels[:, None]
    p = logits.detach().softmax(1).gather(1, right)
    centred = logits - logits.mean(dim=1, keepdim=True)
    shrunk = centred.gather(1, right) * (1 - torch.exp(-(p - 1).square() / sigma))
    return cross_entropy(centred.scatter(1, right, shrunk), labels)


def relative_entropy(logits: Tensor) -> Tensor:
    """Entropy of the softmax of logits (n, c), as a share of the largest possible one: (n,), in [0, 1]."""
    return torch.special.entr(logits.softmax(1)).sum(1) / max(math.log(logits.shape[1]), 1.0)


class DVBEFeatures(Trained, Gate, Classifier):
    """Gate and classifier in one module: the entropy of the domain branch chooses the domain.

    Seen classes are told apart by the domain branch, unseen ones by cosine in the semantic branch.
    """

    info = Info(
        name="dvbe-features",
        summary="entropy of an adaptive-margin softmax chooses the domain, a semantic branch the unseen class",
        paper="Min et al., CVPR 2020",
    )
    Config = Config

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Find the threshold on classes that are left out, then train both branches on all."""
        config: Config = self.config
        x, y, a = view.features, view.labels, self._condition(view.semantics)
        self.threshold = 0.0
        self.domain = domain_branch(x.shape[1], config.projection, len(a)).to(ctx.device)
        self.semantic = SemanticBranch(x.shape[1], a.shape[1], len(a), config).to(ctx.device)

        cut = one_cut(view, ctx)
        domain = domain_branch(x.shape[1], config.projection, len(cut.kept.semantics)).to(ctx.device)
        descent = self._domain_descent(domain, cut.kept.features, cut.kept.labels, ctx)
        yield Training("threshold", config.steps, [descent], selectable=False)
        with torch.no_grad():
            self.threshold = best_threshold(*(relative_entropy(domain(each)) for each in (cut.seen, cut.unseen)))
        ctx.note(entropy_threshold=self.threshold)

        descents = [self._domain_descent(self.domain, x, y, ctx), self._semantic_descent(x, y, a, ctx)]
        yield Training("branches", config.steps, descents)

    def _domain_descent(self, domain: nn.Sequential, x: Tensor, y: Tensor, ctx: Context) -> Descent:
        def loss(x: Tensor, y: Tensor) -> Terms:
            return {"domain": adaptive_margin_loss(domain(x), y, self.config.sigma)}

        adam = Adam(self.config.domain_learning_rate, weight_decay=self.config.weight_decay)
        return Descent(loss, partial(self._batches, x, y, ctx), adam, trains=[domain])

    def _semantic_descent(self, x: Tensor, y: Tensor, a: Tensor, ctx: Context) -> Descent:
        net = self.semantic

        def loss(x: Tensor, y: Tensor) -> Terms:
            embedded = net.visual(x)
            return {
                "alignment": 1 - cosine_similarity(embedded, net.semantic(a)[y]).mean(),
                "auxiliary": cross_entropy(net.auxiliary(embedded), y),
            }

        adam = Adam(self.config.semantic_learning_rate, betas=(0.5, 0.999), weight_decay=self.config.weight_decay)
        return Descent(loss, partial(self._batches, x, y, ctx), adam, trains=[net])

    def _batches(self, x: Tensor, y: Tensor, ctx: Context) -> Batches:
        rows = random_rows(len(y), self.config.batch_size, ctx)
        yield x[rows], y[rows]

    @torch.no_grad()
    def unseen_score(self, features: Tensor) -> Tensor:
        """Entropy of the domain branch, as a share of the largest possible one: (n, d) to (n,)."""
        return relative_entropy(self.domain(features))

    def log_prior(self, features: Tensor) -> Tensor:
        """Send samples of an entropy above the threshold to the unseen classes, others to the seen ones."""
        return hard_routing(self.unseen_score(features) > self.threshold)

    @torch.no_grad()
    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score seen classes by the logits of the domain branch, others, or all together, by cosine."""
        if classes.domain == "seen":
            return self.domain(features)[:, classes.index]
        embedded, semantics = self.semantic.visual(features), self.semantic.semantic(self._condition(classes.semantics))
        return normalize(embedded, dim=1) @ normalize(semantics, dim=1).T

    def _condition(self, semantics: Tensor) -> Tensor:
        return rescale(semantics, self.config.semantic_norm)
