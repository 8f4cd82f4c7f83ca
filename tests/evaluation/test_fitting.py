from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from gzslbench.data import cache, entry, scaling
from gzslbench.errors import ContractError
from gzslbench.evaluation.fitting import FoldFitter
from gzslbench.evaluation.generator_output import GeneratorOutput
from gzslbench.evaluation.job import GroupJob
from gzslbench.evaluation.predicting import Predictor
from gzslbench.evaluation.run_group import run_group
from gzslbench.registry.setup import ConfiguredComponent


def make_bench(job: GroupJob) -> FoldFitter:
    return FoldFitter(job, job.fold, lambda *_: None)


def fit(fitter: FoldFitter, part: ConfiguredComponent, output: GeneratorOutput | None = None) -> Any:
    return fitter.fit(part, (output or GeneratorOutput(fitter, None)).view(part)).component


@pytest.fixture
def job(rehearsal) -> GroupJob:
    return rehearsal.jobs(["toy-means+toy-distance+toy-softmax"])[0]


@pytest.fixture
def choice(job):
    return job.cells[0].setups[0]


def only_classifier(rehearsal, name: str) -> tuple[FoldFitter, ConfiguredComponent]:
    job = rehearsal.jobs([f"none+none+{name}"])[0]
    return make_bench(job), job.cells[0].setups[0].classifier


@pytest.mark.parametrize("poison", [1e30, np.nan])
def test_training_sees_nothing_of_test_samples(job, choice, rehearsal, poison):
    poisoned = np.array(job.open_features())
    split = rehearsal.data_set.split()
    poisoned[np.concatenate([split.test_seen, split.test_unseen])] = poison
    clean, spoilt = make_bench(job), make_bench(replace(job, features=poisoned))
    assert torch.equal(clean.features, spoilt.features)
    assert float(clean.features.amin()) == 0
    assert float(clean.features.amax()) == 1
    fitted = []
    for fitter in (clean, spoilt):
        generator = fit(fitter, choice.generator)
        output = GeneratorOutput(fitter, generator)
        fitted.append((generator.map, fit(fitter, choice.classifier, output).layer.weight))
    assert all(map(torch.equal, *fitted))


def test_test_features_are_scaled_like_training_features_and_not_clipped(job, rehearsal):
    fitter, test_set = make_bench(job), rehearsal.coordinator(job).test_set()
    raw = np.asarray(job.open_features())
    train = raw[job.fold.train]
    expected = (raw[test_set.samples] - train.min(0)) / (train.max(0) - train.min(0))
    actual = fitter.test_features(test_set.samples).numpy()
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)
    assert actual.min() < 0 or actual.max() > 1


def test_a_component_is_made_on_its_own_random_stream(rehearsal, add_plugin):
    add_plugin("""
class Early(Classifier):
    info = Info("early")
    def __init__(self, config=None):
        super().__init__(config)
        self.drawn = torch.randn(3)
    def fit(self, view, ctx):
        self.fitted = torch.randn(3), torch.randn(3, generator=ctx.rng)
    def scores(self, features, classes):
        return features.new_zeros(len(features), len(classes))
""")
    fitter, part = only_classifier(rehearsal, "early")
    torch.manual_seed(1)
    first = fit(fitter, part)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second = fit(fitter, part)
    assert torch.equal(first.drawn, second.drawn)
    assert all(map(torch.equal, first.fitted, second.fitted))
    assert torch.equal(torch.get_rng_state(), before)


def test_what_a_component_sets_for_the_process_is_undone(rehearsal, add_plugin):
    add_plugin("""
class Rude(Classifier):
    info = Info("rude")
    def fit(self, view, ctx):
        assert torch.is_grad_enabled()
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
    def scores(self, features, classes):
        return features.new_zeros(len(features), len(classes))
""")
    fitter, part = only_classifier(rehearsal, "rude")
    with torch.no_grad():  # as inside a generator's closed form, where a selecting protocol evaluates
        fit(fitter, part)
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()


CHANGES = {
    "values": ("view.features.mul_(2)", "features"),
    "through numpy": ("view.features.numpy()[0, 0] = 7", "features"),
    "order": ("view.features.copy_(view.features.flip(0))", "features"),
    "gradients": ("view.features.requires_grad_()", "features"),
    "labels": ("view.labels[0] += 1", "labels"),
    "semantics": ("view.semantics.neg_()", "semantics"),
}


@pytest.mark.parametrize(("statement", "name"), CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_input_is_named_and_can_be_restored_in_place(rehearsal, add_plugin, statement, name):
    add_plugin(f"""
class Meddler(Classifier):
    info = Info("meddler")
    def fit(self, view, ctx):
        {statement}
    def scores(self, features, classes):
        return features.new_zeros(len(features), len(classes))
""")
    fitter, part = only_classifier(rehearsal, "meddler")
    held = {"features": fitter.features, "labels": fitter.labels, "semantics": fitter.semantics}
    before = {key: tensor.clone() for key, tensor in held.items()}
    with pytest.raises(ContractError, match=rf"'meddler' changed its input \({name}\)"):
        fit(fitter, part)
    fitter.restore()
    assert all(torch.equal(held[key], before[key]) for key in held)
    assert not any(tensor.requires_grad for tensor in held.values())


@pytest.fixture
def mapped(job, rehearsal, tmp_path, monkeypatch) -> GroupJob:
    """The job with its training features in a file, as large data sets have them."""
    for module in (entry, scaling):
        monkeypatch.setattr(module, "MAPPED_FROM_BYTES", 0)
    features = rehearsal.data_set.features
    file = scaling.scaled_file(features, job.features_hash, job.fold.train, cache.Cache(tmp_path))
    return replace(job, fold=replace(job.fold, scaled=file))


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.numpy().tobytes()


def test_mapped_features_change_no_number(job, mapped, rehearsal):
    own, shared = make_bench(job), make_bench(mapped)
    test_set = rehearsal.coordinator(job).test_set()
    assert bits(own.features) == bits(shared.features)
    assert bits(own.test_features(test_set.samples)) == bits(shared.test_features(test_set.samples))
    desks = [rehearsal.coordinator(job), rehearsal.coordinator(mapped)]
    for each, coordinator in zip((job, mapped), desks, strict=True):
        run_group(each, coordinator)
    one, other = (coordinator.results[0].predictions for coordinator in desks)
    assert one.margin.tobytes() == other.margin.tobytes()
    assert one.log_prior.tobytes() == other.log_prior.tobytes()
    np.save(mapped.fold.scaled.path, np.full_like(own.features, 7))
    assert (make_bench(mapped).features == 7).all()


def test_what_a_group_writes_to_mapped_features_reaches_no_other_and_can_be_restored(mapped):
    one, other = make_bench(mapped), make_bench(mapped)
    before, address = bits(other.features), one.features.data_ptr()
    one.features.mul_(-1)
    one.features.numpy()[0, 0] = np.nan
    assert bits(other.features) == bits(make_bench(mapped).features) == before
    one.restore()
    assert bits(one.features) == before
    assert one.features.data_ptr() == address


@pytest.mark.parametrize("content", [None, b"", b"no array"])
def test_without_its_file_a_group_scales_the_features_itself(job, mapped, content):
    mapped.fold.scaled.path.unlink()
    if content is not None:
        mapped.fold.scaled.path.write_bytes(content)
    assert bits(make_bench(mapped).features) == bits(make_bench(job).features)


def test_material_is_made_once_and_has_the_declared_shapes(job, choice, monkeypatch):
    fitter = make_bench(job)
    generator = fit(fitter, choice.generator)
    calls: list[str] = []
    for name in ("generate", "proxies", "training_set"):
        original = getattr(type(generator), name)
        monkeypatch.setattr(type(generator), name, lambda self, *a, n=name, o=original: calls.append(n) or o(self, *a))
    output = GeneratorOutput(fitter, generator)
    views = [output.view(part) for part in (choice.gate, choice.classifier, choice.gate, choice.classifier)]
    assert sorted(calls) == ["generate", "proxies", "training_set"]
    assert views[1].synthetic.shape == (3, 10, 9)
    assert views[0].outside.shape == (15, 9)
    assert views[1].synthetic.data_ptr() == views[3].synthetic.data_ptr()


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("return self.encode(view.features), view.labels.float()", "returned labels that do not fit its 45 samples"),
        ("return self.encode(view.features), view.labels + 5", "returned labels that do not fit"),
        ("return self.encode(view.features), view.labels[1:]", "returned labels that do not fit"),
        ("return view.features[0], view.labels", "training_set of 'odd' returned a torch.float32 tensor of shape"),
        ("return view.features * float('nan'), view.labels", "NaN or infinite"),
    ],
)
def test_an_unusable_training_set_is_refused(rehearsal, add_plugin, body, complaint):
    add_plugin(f"""
class Odd(Generator):
    info = Info("odd", makes=(Makes.ENCODING,))
    def fit(self, view, ctx):
        pass
    def training_set(self, view, ctx):
        {body}
""")
    coordinator = rehearsal.run("odd+none+toy-linear")
    assert complaint in str(coordinator.failures[0])


def test_a_replaced_training_set_and_the_encoding_are_what_the_others_see(rehearsal, add_plugin):
    add_plugin("""
class Doubling(Generator):
    info = Info("doubling", makes=(Makes.ENCODING,))
    def fit(self, view, ctx):
        pass
    def encode(self, features):
        return torch.cat([features, 10 + features], dim=1)
    def training_set(self, view, ctx):
        return self.encode(view.features[:20]), view.labels[:20]

class Witness(Gate, Classifier):
    info = Info("witness")
    def fit(self, view, ctx):
        ctx.note(rows=len(view.features), columns=view.features.shape[1], labels=len(view.labels))
        assert torch.equal(view.features[:, 9:], view.features[:, :9] + 10)
    def log_prior(self, features):
        assert features.shape[1] == 18
        return features.new_zeros(len(features), 2)
    def scores(self, features, classes):
        assert torch.equal(features[:, 9:], features[:, :9] + 10)
        return features.new_zeros(len(features), len(classes))
""")
    coordinator = rehearsal.run("doubling+witness+witness")
    assert coordinator.results[0].notes == {"witness.rows": 20, "witness.columns": 18, "witness.labels": 20}


@pytest.mark.parametrize(("limit", "value"), [("CHUNK_ROWS", 7), ("CHUNK_BYTES", 4 * 8 * 7)])
def test_predictions_do_not_depend_on_the_size_of_chunks(job, choice, rehearsal, monkeypatch, limit, value):
    fitter, test_set = make_bench(job), rehearsal.coordinator(job).test_set()
    output = GeneratorOutput(fitter, fit(fitter, choice.generator))
    gate, classifier = (fit(fitter, part, output) for part in (choice.gate, choice.classifier))
    predictor = Predictor(fitter, output, choice, gate, classifier)
    whole = predictor.predict(test_set, keep_scores=True)
    monkeypatch.setattr(f"gzslbench.evaluation.predicting.{limit}", value)
    parts = predictor.predict(test_set, keep_scores=True)
    assert np.array_equal(whole.predicted, parts.predicted)
    assert np.array_equal(whole.samples, parts.samples)
    np.testing.assert_allclose(whole.joint, parts.joint, rtol=1e-5, atol=1e-6)


def test_a_chunk_has_as_many_rows_as_its_scores_of_all_classes_allow(rehearsal, add_plugin, monkeypatch):
    monkeypatch.setattr("gzslbench.evaluation.predicting.CHUNK_BYTES", 4 * 8 * 20)
    add_plugin("""
class Counting(Gate, Classifier):
    info = Info("counting")
    def fit(self, view, ctx):
        pass
    def log_prior(self, features):
        assert 1 <= len(features) <= 20
        return features.new_zeros(len(features), 2)
    def scores(self, features, classes):
        assert 1 <= len(features) <= 20
        return features.new_zeros(len(features), len(classes))
""")
    assert not rehearsal.run("none+counting+counting").failures


def test_components_may_answer_in_the_same_memory_each_time(rehearsal, add_plugin, monkeypatch):
    add_plugin("""
class Reusing(Gate, Classifier):
    info = Info("reusing")
    def fit(self, view, ctx):
        self.memory = {}
    def log_prior(self, features):
        return self._in_place("prior", features[:, :2])
    def scores(self, features, classes):
        return self._in_place(classes.domain, features @ torch.ones(9, len(classes)).cumsum(dim=1))
    def _in_place(self, name, answer):
        memory = self.memory.setdefault(name, torch.empty(100, 100))[: len(answer), : answer.shape[1]]
        return memory.copy_(answer)
""")
    whole = rehearsal.run("none+reusing+reusing").results[0].predictions
    monkeypatch.setattr("gzslbench.evaluation.predicting.CHUNK_ROWS", 7)
    parts = rehearsal.run("none+reusing+reusing").results[0].predictions
    assert np.array_equal(whole.log_prior, parts.log_prior)
    np.testing.assert_allclose(whole.margin, parts.margin, rtol=1e-5)


@pytest.mark.parametrize("statement", ["features.mul_(2)", "classes.semantics.mul_(2)"])
def test_inputs_changed_while_scoring_are_refused(rehearsal, add_plugin, statement):
    add_plugin(f"""
class Careless(Classifier):
    info = Info("careless")
    def fit(self, view, ctx):
        pass
    def scores(self, features, classes):
        {statement}
        return features.new_zeros(len(features), len(classes))
""")
    coordinator = rehearsal.run("none+none+careless", "none+none+toy-linear")
    assert isinstance(coordinator.failures[0], ContractError)
    assert "in place" in str(coordinator.failures[0])
    alone = rehearsal.run("none+none+toy-linear").results[0].predictions
    assert np.array_equal(coordinator.results[1].predictions.margin, alone.margin)


def test_what_is_made_in_inference_mode_can_be_trained_on(rehearsal, add_plugin):
    add_plugin("""
@dataclass(frozen=True)
class Count:
    proxy_count: int = 5

class Lazy(Generator):
    info = Info("lazy", makes=(Makes.PROXIES,))
    Config = Count
    def fit(self, view, ctx):
        self.width = view.features.shape[1]
    @torch.inference_mode()
    def proxies(self, count, ctx):
        return torch.rand(count, self.width, generator=ctx.rng)

class Learner(Classifier):
    info = Info("learner", needs=(Need.PROXIES,))
    def fit(self, view, ctx):
        torch.nn.Linear(view.proxies.shape[1], 2)(view.proxies).sum().backward()
    def scores(self, features, classes):
        return features.new_zeros(len(features), len(classes))
""")
    assert not rehearsal.run("lazy+none+learner").failures


def test_a_gate_that_tells_its_number_for_some_samples_alone_is_refused(rehearsal, add_plugin, monkeypatch):
    monkeypatch.setattr("gzslbench.evaluation.predicting.CHUNK_ROWS", 20)
    add_plugin("""
class Moody(Gate):
    info = Info("moody")
    def fit(self, view, ctx):
        self.calls = 0
    def log_prior(self, features):
        return features.new_zeros(len(features), 2)
    def unseen_score(self, features):
        self.calls += 1
        return features[:, 0] if self.calls == 2 else None
""")
    (error,) = rehearsal.run("none+moody+toy-linear").failures.values()
    assert "unseen_score of 'moody' gave numbers for some samples alone" in str(error)
