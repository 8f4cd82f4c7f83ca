"""A small training toolkit for methods: an offer, not a duty.

A method that derives from :class:`Trained` says *what* is trained, as a series of :class:`Training`: which losses
descend, on which batches, for how many steps. *How* is the toolkit's: fused Adam, the precision policy, loss curves and
budgets without a host synchronisation, CUDA graphs on a GPU, and several seeds as one batched model. A plain torch loop
over ``ctx.steps`` is just as welcome.
"""

from __future__ import annotations

from gzslbench.training.adam import Adam
from gzslbench.training.batches import random_rows, shuffled_batches
from gzslbench.training.closed_forms import distance_and_penalty, linear_for_two, penalised_distance
from gzslbench.training.loop import Batches, Descent, Terms, Trained, Training, Trainings, fit_together
from gzslbench.training.step import autocast

__all__ = [
    "Adam",
    "Batches",
    "Descent",
    "Terms",
    "Trained",
    "Training",
    "Trainings",
    "autocast",
    "distance_and_penalty",
    "fit_together",
    "linear_for_two",
    "penalised_distance",
    "random_rows",
    "shuffled_batches",
]
