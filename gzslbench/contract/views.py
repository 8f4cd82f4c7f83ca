"""What a component may see: seen data in full, the rest only where declared and allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from gzslbench.contract.info import Need
from gzslbench.errors import ProtocolError

Domain = Literal["seen", "unseen", "all"]


def one_hot(labels: Tensor, count: int) -> Tensor:
    """Encode labels (n,) as float32 rows (n, count)."""
    rows = torch.zeros(len(labels), count, dtype=torch.float32, device=labels.device)
    return rows.scatter_(1, labels[:, None], 1.0)


@dataclass(frozen=True, eq=False)
class ClassSet:
    """Classes in the order of their score columns.

    ``semantics`` is (c, k). ``index`` (c,) counts the seen classes first and the unseen ones after them, so it picks
    the right columns of a head trained on all classes.
    """

    domain: Domain
    semantics: Tensor
    index: Tensor

    def __len__(self) -> int:
        return int(self.index.shape[0])


@dataclass(frozen=True, eq=False)
class ValidationScores:
    """Joint scores of samples of classes that were held out, and of others, by a fit that was trained on neither.

    Each of n samples has its class, its best class in either domain, and its margin, by which the score of the best
    seen class exceeds that of the best unseen one; all (n,). Classes are counted as in :attr:`ClassSet.index`, the
    ``seen_count`` classes of that fit first. ``training_margin`` (m,) is of the samples that the fit was trained on.
    """

    labels: Tensor
    best_seen: Tensor
    best_unseen: Tensor
    margin: Tensor
    training_margin: Tensor
    seen_count: int


@dataclass(frozen=True, eq=False)
class View:
    """Training data for one component.

    ``features`` (n, d) and ``labels`` (n,) int64 are the seen training samples, ``labels`` being positions into the
    rows of ``semantics`` (c, k). ``offers`` holds what the component declared and the protocol allows; asking for
    anything else raises :class:`ProtocolError`.
    """

    features: Tensor
    labels: Tensor
    semantics: Tensor
    offers: Mapping[Need, Tensor] = field(default_factory=dict)
    scored: ValidationScores | None = None
    reader: str = "component"
    protocol: str = "inductive"

    @property
    def unseen_semantics(self) -> Tensor:
        """Semantics of the unseen classes (u, k)."""
        return self._offered(Need.UNSEEN_SEMANTICS)

    @property
    def test_features(self) -> Tensor:
        """Unlabelled features of all test samples (m, d), in no particular order."""
        return self._offered(Need.TEST_FEATURES)

    @property
    def synthetic(self) -> Tensor:
        """Synthetic features of the unseen classes (u, per_class, d')."""
        return self._offered(Need.SYNTHETIC)

    @property
    def proxies(self) -> Tensor:
        """Samples of no seen class (m, d')."""
        return self._offered(Need.PROXIES)

    @property
    def outside(self) -> Tensor:
        """Samples that stand for whatever is not seen (m, d'): proxies if there are any, else synthetic ones."""
        return self._offered(Need.OUTSIDE)

    @property
    def validation(self) -> ValidationScores:
        """What generator and classifier of the cell say about samples of held-out classes; for gates alone."""
        if self.scored is None:
            raise self._withheld(Need.VALIDATION)
        return self.scored

    @property
    def feature_scale(self) -> Tensor:
        """The lowest value and the range of each dimension of the unscaled features (2, d), where these share a space.

        ``features * range + lowest`` lies in the space of the semantics.
        """
        return self._offered(Need.SHARED_SPACE)

    def one_hot(self) -> Tensor:
        """Labels as float32 rows (n, c)."""
        return one_hot(self.labels, len(self.semantics))

    def joined(self) -> tuple[Tensor, Tensor]:
        """Real seen and synthetic unseen samples together: features (n + u * per_class, d'), labels.

        Labels of unseen classes continue those of the seen ones, in the order of :attr:`ClassSet.index`.
        """
        synthetic = self.synthetic
        classes, per_class, _ = synthetic.shape
        first = len(self.semantics)
        labels = torch.arange(first, first + classes, device=synthetic.device).repeat_interleave(per_class)
        return torch.cat([self.features, synthetic.flatten(0, 1)]), torch.cat([self.labels, labels])

    def _offered(self, need: Need) -> Tensor:
        if need not in self.offers:
            raise self._withheld(need)
        return self.offers[need]

    def _withheld(self, need: Need) -> ProtocolError:
        return ProtocolError(
            f"'{self.reader}' asked for {need.value} under the protocol '{self.protocol}'",
            f"declare Need.{need.name} in its Info and run it under a protocol that allows it",
        )
