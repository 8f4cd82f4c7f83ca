"""What is asked of generators, gates and classifiers. The docstring of each check says what it asks for."""

from __future__ import annotations

import io
import pickle

import torch
from torch import Tensor, nn

from gzslbench.contract import ClassSet
from gzslbench.contract.info import Makes
from gzslbench.evaluation.checks import checked, checked_labels, checked_log_prior
from gzslbench.testing.checks import COMPONENTS, CheckFailed, NotApplicable, check
from gzslbench.testing.trials import PER_CLASS, PROXIES, Answers, Attempt, ComponentTrial, differing, tensors

WORKS = ("finite",)
"""What must be well before behaviour can be compared."""
RELATIVE, ABSOLUTE = 1e-3, 1e-4
"""Rounding depends on the number of rows that are multiplied at once; these tolerances are far above it."""
BATCHES = (1, 7)


@check(*COMPONENTS)
def cpu_only(trial: ComponentTrial) -> None:
    """Lent the CPU, it makes no tensor on another device and calls nothing of CUDA."""
    if trial.first.conduct.used_cuda:
        raise CheckFailed(f"'{trial.info.name}' used CUDA, though it was lent the CPU", "make tensors on ctx.device")
    for name, tensor in tensors(trial.first.answers).items():
        if tensor.device.type != "cpu":
            raise CheckFailed(f"{name} of '{trial.info.name}' is on {tensor.device}", "make tensors on ctx.device")


@check(*COMPONENTS)
def withheld(trial: ComponentTrial) -> str:
    """It asks for nothing that it has not declared or that its protocol withholds, not even to see if it is there."""
    asked_for = trial.first.conduct.asked_for
    if asked_for:
        need = min(asked_for)
        raise CheckFailed(
            f"'{trial.info.name}' asked for {need.value} under the protocol '{trial.protocol}'",
            f"declare Need.{need.name} in its Info, or do without",
        )
    return f"under the protocol '{trial.protocol}'"


@check(*COMPONENTS, after=("cpu-only", "withheld"))
def completes(trial: ComponentTrial) -> None:
    """With default settings it is fitted for a few steps, and answers all that its kind is asked, without an error."""
    if trial.first.error is not None:
        raise trial.first.error


@check(*COMPONENTS, after=("completes",))
def shapes(trial: ComponentTrial) -> None:
    """Its answers are floating point tensors of the shapes that the contract gives; labels are int64."""
    _validate(trial, even_nan=True)


@check(*COMPONENTS, after=("shapes",))
def finite(trial: ComponentTrial) -> None:
    """Its answers hold no NaN and no infinity; a log-prior may be minus infinity for one of the two domains."""
    _validate(trial)


@check(*COMPONENTS, after=WORKS)
def inputs_unharmed(trial: ComponentTrial) -> None:
    """It leaves features, labels, semantics and all else that it is shown as they were."""
    untouched = trial.untouched().shown()
    for name, tensor in trial.first.shown().items():
        if tensor.requires_grad or not torch.equal(tensor, untouched[name]):
            raise CheckFailed(f"'{trial.info.name}' changed its input ({name}) in place", "work on a clone")


@check(*COMPONENTS, after=WORKS)
def deterministic(trial: ComponentTrial) -> None:
    """Fitted again with the same seed, after a fit with another one, it gives the same answers bit by bit."""
    trial.succeeded(seed=1)
    different = differing(trial.first.answers, trial.succeeded(seed=0).answers)
    if different:
        raise CheckFailed(
            f"{different[0]} of '{trial.info.name}' differs between two fits with one seed",
            "draw from ctx.rng or torch's global generator, and keep nothing on the module or the class",
        )


@check(*COMPONENTS, after=WORKS)
def seed_matters(trial: ComponentTrial) -> str:
    """Another seed leads to another state, if it draws anything; what declares ``draws=False`` gives the same bits."""
    first, other = trial.first, trial.succeeded(seed=1)
    different = [*differing(first.answers, other.answers), *differing(_state(first), _state(other))]
    if not trial.info.draws and (different or first.conduct.draws):
        how = f"{different[0]} differs between two seeds" if different else "it draws at random"
        raise CheckFailed(f"'{trial.info.name}' declares draws=False, and {how}", "leave draws out of its Info")
    if different:
        return ""
    if first.conduct.draws:
        raise CheckFailed(
            f"'{trial.info.name}' draws at random, and yet is the same for two seeds",
            "draw from ctx.rng, which follows the seed, not from a generator with a seed of its own",
        )
    return "it draws nothing at random: the same for all seeds"


@check(*COMPONENTS, after=WORKS)
def process_unharmed(trial: ComponentTrial) -> None:
    """It seeds no generator of the whole process, and leaves dtype, threads, environment and the like alone."""
    conduct = trial.first.conduct
    if conduct.reseeded:
        raise CheckFailed(
            f"'{trial.info.name}' called {conduct.reseeded[0]}", "the core has seeded it; draw, or use ctx.rng"
        )
    if conduct.left_changed:
        raise CheckFailed(f"'{trial.info.name}' changed {conduct.left_changed[0]}", "put back what it changes")


@check(*COMPONENTS, after=WORKS)
def any_batching(trial: ComponentTrial) -> None:
    """What it says about a test sample depends neither on the order of the samples nor on those in the same batch."""
    first = trial.first
    whole = torch.arange(len(first.features))
    for name in first.rowwise():
        answer = first.answers[name]
        if not isinstance(answer, Tensor):
            continue
        for rows in ([whole.flip(0)], *(torch.split(whole, size) for size in BATCHES)):
            pieces = [_tensor(first.ask(name, first.features[part])) for part in rows]
            if not _alike(torch.cat(pieces), answer[torch.cat(list(rows))]):
                raise CheckFailed(
                    f"{name} of '{trial.info.name}' depends on the order or the batches of test samples",
                    "use statistics of the training samples; switch dropout and batch normalisation off by eval()",
                )


@check("generator", "classifier", after=WORKS)
def any_classes(trial: ComponentTrial) -> None:
    """It takes classes in any number and order: class numbers have gaps, and positions are all that it is given."""
    if trial.kind == "classifier":
        for classes in trial.first.class_sets[:2]:
            _any_order(trial, classes)
    elif Makes.SYNTHETIC in trial.info.makes:
        semantics, width = trial.first.view.semantics, _tensor(trial.first.answers["generate"]).shape[2]
        for count in (1, len(semantics)):
            made = trial.first.generate(semantics[:count])
            checked(made, (count, PER_CLASS, width), trial.info.name, f"generate for {count} classes")
    else:
        raise NotApplicable("it makes nothing of classes")


@check(*COMPONENTS, after=WORKS)
def saved_and_restored(trial: ComponentTrial) -> None:
    """Written by torch.save and read again, the fitted component gives the same answers."""
    first, buffer = trial.first, io.BytesIO()
    try:
        torch.save(first.component, buffer)
    except (pickle.PicklingError, AttributeError, TypeError, RuntimeError) as error:
        raise CheckFailed(
            f"'{trial.info.name}' can't be saved: {error}", "keep no function, generator or open file as an attribute"
        ) from error
    buffer.seek(0)
    different = differing(first.answers, trial.answers_of(torch.load(buffer, weights_only=False)))
    if different:
        raise CheckFailed(
            f"{different[0]} of '{trial.info.name}' is another after saving and loading",
            "keep all that it learns in attributes of the component",
        )


def _validate(trial: ComponentTrial, even_nan: bool = False) -> None:
    """Hold the answers of the first attempt against the contract, as the core does."""
    name, first, answers = trial.info.name, trial.first, dict(trial.first.answers)
    if even_nan:
        answers |= {key: each.nan_to_num() for key, each in tensors(answers).items() if each.is_floating_point()}
    rows, width = len(first.features), first.features.shape[1]
    if trial.kind == "gate":
        checked_log_prior(answers["log_prior"], rows, name)
        if answers["unseen_score"] is not None:
            checked(answers["unseen_score"], (rows,), name, "unseen_score")
    elif trial.kind == "classifier":
        for classes in first.class_sets:
            call = f"scores of {classes.domain} classes"
            checked(answers[call], (rows, len(classes)), name, call)
    else:
        features = checked(answers["training_set"], (None, None), name, "training_set")
        checked_labels(answers["labels of training_set"], len(features), len(first.view.semantics), name)
        width = features.shape[1]
        checked(answers["encode"], (rows, width), name, "encode")
        if "generate" in answers:
            checked(answers["generate"], (len(first.class_sets[1]), PER_CLASS, width), name, "generate")
        if "proxies" in answers:
            checked(answers["proxies"], (PROXIES, width), name, "proxies")


def _any_order(trial: ComponentTrial, classes: ClassSet) -> None:
    expected = _tensor(trial.first.answers[f"scores of {classes.domain} classes"])
    backwards = torch.arange(len(classes) - 1, -1, -1)
    for order in (backwards, backwards[::2]):
        asked = ClassSet(classes.domain, classes.semantics[order], classes.index[order])
        scores = _tensor(trial.first.scores(asked))
        if scores.shape != (len(expected), len(order)) or not _alike(scores, expected[:, order]):
            raise CheckFailed(
                f"scores of '{trial.info.name}' do not follow the order of the {classes.domain} classes asked for",
                "use classes.semantics, or classes.index to pick columns",
            )


def _state(attempt: Attempt) -> Answers:
    """Gather the tensors that a fitted component keeps as attributes or in modules."""
    state: Answers = {}
    for name, value in vars(attempt.component).items():
        if isinstance(value, nn.Module):
            state |= {f"{name}.{key}": tensor for key, tensor in value.state_dict().items()}
        elif isinstance(value, Tensor):
            state[name] = value
    return state


def _alike(one: Tensor, other: Tensor) -> bool:
    known = other[other.isfinite()].float()
    spread = max(1e-6, float(known.std())) if known.numel() > 1 else 1.0
    return torch.allclose(one.float(), other.float(), rtol=RELATIVE, atol=ABSOLUTE * spread)


def _tensor(answer: object) -> Tensor:
    if not isinstance(answer, Tensor):
        raise CheckFailed(f"an answer is {type(answer).__name__}", "return a tensor")
    return answer
