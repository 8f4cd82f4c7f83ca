"""Each check, with a component that is broken so that it fails this check and no other."""

from __future__ import annotations

import pytest

from gzslbench.testing.checks import COMPONENTS
from gzslbench.testing.perform import CHECKS

BEGIN_MAP = "        noise = torch.randn(len(view.features), 3, generator=ctx.rng)\n"
BEGIN_NEAR = "        self.seen = view.features"
END_MAP = "        return -torch.cdist(features @ self.map, classes.semantics)"
PRIOR = "        return torch.stack([-score, score - 1], 1)"
SCORE = "        return torch.cdist(features, self.seen).amin(1)"
BEGIN_GAUSS = "        self.map = torch.linalg.pinv"
MADE = "        return (semantics @ self.map)[:, None] + 0.1 * noise"

BROKEN = {
    "classifier: cpu-only, by .cuda()": (BEGIN_MAP, BEGIN_MAP + "        view.features.cuda()\n"),
    "classifier: cpu-only, though it catches the error": (
        BEGIN_MAP,
        BEGIN_MAP
        + "        try:\n            torch.zeros(1, device='cuda')\n        except Exception:\n            pass\n",
    ),
    "classifier: cpu-only, by the device of what it returns": (END_MAP, END_MAP + ".to('meta')"),
    "classifier: withheld": (BEGIN_MAP, BEGIN_MAP + "        view.unseen_semantics\n"),
    "gate: withheld, though it only looks whether it is there": (
        BEGIN_NEAR,
        "        Need.PROXIES in view.offers\n" + BEGIN_NEAR,
    ),
    "generator: withheld": (
        BEGIN_GAUSS,
        "        try:\n            view.test_features\n        except Exception:\n            pass\n" + BEGIN_GAUSS,
    ),
    "classifier: completes": (BEGIN_MAP, BEGIN_MAP + "        raise ValueError('no')\n"),
    "gate: completes, by sys.exit": (BEGIN_NEAR, "        raise SystemExit(3)\n" + BEGIN_NEAR),
    "classifier: shapes": (END_MAP, END_MAP + ".T"),
    "gate: shapes, by dtype": (PRIOR, PRIOR + ".long()"),
    "generator: shapes, by order": (
        MADE,
        "        return ((semantics @ self.map)[:, None] + 0.1 * noise).transpose(0, 1)",
    ),
    "generator: shapes, by labels": (
        "    def proxies",
        "    def training_set(self, view, ctx):\n        return view.features, view.labels.int()\n\n    def proxies",
    ),
    "classifier: finite": (END_MAP, END_MAP + " / 0"),
    "gate: finite, by ruling both out": (PRIOR, "        return torch.full((len(features), 2), -torch.inf)"),
    "generator: finite": (MADE, MADE + ".log()"),
    "classifier: inputs-unharmed, in fit": (BEGIN_MAP, BEGIN_MAP + "        view.features.mul_(1.01)\n"),
    "classifier: inputs-unharmed, in scores": (END_MAP, "        features.clamp_(max=0.9)\n" + END_MAP),
    "generator: inputs-unharmed, by gradients": (
        BEGIN_GAUSS,
        "        view.semantics.requires_grad_()\n" + BEGIN_GAUSS,
    ),
    "classifier: deterministic, by what the module keeps": (
        BEGIN_MAP,
        "        Map.fits = getattr(Map, 'fits', 0) + 1\n        noise = Map.fits * view.features[:, :3]\n"
        + BEGIN_MAP.replace("noise =", "noise = noise +"),
    ),
    "gate: deterministic, by the clock": (
        PRIOR,
        "        import time\n        self.born = vars(self).get('born', time.time_ns() % 9973)\n"
        + PRIOR
        + " + self.born",
    ),
    "classifier: seed-matters": (BEGIN_MAP, BEGIN_MAP.replace("ctx.rng", "torch.Generator().manual_seed(3)")),
    "gate: seed-matters, by numpy": (
        "torch.randperm(len(view.features), generator=ctx.rng)[:20]",
        "torch.from_numpy(np.random.default_rng(0).permutation(len(view.features)))[:20]",
    ),
    "classifier: seed-matters, though it declares that it draws nothing": (
        'info = Info("map")',
        'info = Info("map", draws=False)',
    ),
    "gate: seed-matters, by what it draws and throws away": (
        'Info("near", needs=(Need.OUTSIDE,))\n\n    def fit(self, view, ctx):\n'
        "        self.seen = view.features[torch.randperm(len(view.features), generator=ctx.rng)[:20]]",
        'Info("near", needs=(Need.OUTSIDE,), draws=False)\n\n    def fit(self, view, ctx):\n'
        "        torch.randperm(3, generator=ctx.rng)\n        self.seen = view.features[:20]",
    ),
    "classifier: process-unharmed, by seeding": (BEGIN_MAP, "        torch.manual_seed(0)\n" + BEGIN_MAP),
    "gate: process-unharmed, by seeding numpy": (BEGIN_NEAR, "        np.random.seed(0)\n" + BEGIN_NEAR),
    "generator: process-unharmed, by its threads": (
        BEGIN_GAUSS,
        "        torch.set_num_threads(3)\n" + BEGIN_GAUSS,
    ),
    "classifier: any-batching, by the mean of the batch": (
        END_MAP,
        "        features = features - features.mean(0)\n" + END_MAP,
    ),
    "gate: any-batching, by the order": (SCORE, SCORE + " + torch.arange(len(features))"),
    "generator: any-batching": (
        "    def proxies",
        "    def encode(self, features):\n        return features / features.std(0).nan_to_num(1)\n\n    def proxies",
    ),
    "classifier: any-classes": (END_MAP, END_MAP + ".sort(1).values"),
    "generator: any-classes": (MADE, "        assert len(semantics) == 3\n" + MADE),
    "classifier: saved-and-restored, by a function": (BEGIN_MAP, BEGIN_MAP + "        self.kernel = lambda x: x\n"),
    "gate: saved-and-restored, by what it leaves out": (
        "    def unseen_score",
        "    def __getstate__(self):\n        return vars(self) | {'seen': self.seen + 1}\n\n    def unseen_score",
    ),
}


@pytest.fixture
def failed(plugin, examine):
    """Examine a plugin with one change; gives what failed, and how."""

    def run(kind, change):
        return {
            outcome.check: outcome.detail for outcome in examine(plugin(change), kind) if outcome.status == "FAILED"
        }

    return run


def test_components_that_need_a_shared_space_are_checked_on_one(plugin, examine):
    change = (
        'info = Info("map")',
        'info = Info("map", needs=(Need.SHARED_SPACE, Need.SYNTHETIC))',
    )
    spaced = (
        END_MAP,
        "        lowest, width = self.scale\n"
        "        return (features * width + lowest) @ classes.semantics.T + (features @ self.map).sum(1, keepdim=True)",
    )
    fit = (
        BEGIN_MAP,
        "        self.scale = view.feature_scale\n        assert view.synthetic.shape[2] == 6\n" + BEGIN_MAP,
    )
    assert {outcome.status for outcome in examine(plugin(change, spaced, fit), "classifier")} == {"ok"}


def test_all_checks_pass_for_healthy_components(plugin, examine):
    outcomes = examine(plugin(), *COMPONENTS)
    assert [outcome for outcome in outcomes if outcome.status != "ok"] == []
    assert len(outcomes) == sum(len(CHECKS[kind]) for kind in COMPONENTS)


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_component_fails_the_check_that_is_meant_and_no_other(failed, case):
    kind, _, rest = case.partition(": ")
    check = rest.partition(",")[0]
    found = failed(kind, BROKEN[case])
    assert list(found) == [check], found
    assert found[check]


def test_every_check_has_a_component_that_fails_it():
    covered = {case.partition(": ")[2].partition(",")[0] for case in BROKEN}
    assert covered == {check.name for kind in COMPONENTS for check in CHECKS[kind]}


def test_what_comes_after_a_failure_is_skipped_and_says_for_want_of_what(plugin, examine):
    outcomes = {o.check: o for o in examine(plugin(BROKEN["classifier: shapes"]), "classifier")}
    assert outcomes["finite"].status == "skipped"
    assert outcomes["finite"].detail == "for want of 'shapes'"
    assert outcomes["any-batching"].detail == "for want of 'finite'"


def test_a_closed_form_may_not_depend_on_the_seed_and_is_said_to(plugin, examine):
    path = plugin(("torch.randperm(len(view.features), generator=ctx.rng)[:20]", ":20"))
    (remark,) = [o for o in examine(path, "gate") if o.check == "seed-matters"]
    assert (remark.status, remark.detail) == ("ok", "it draws nothing at random: the same for all seeds")


def test_what_declares_to_draw_nothing_and_does_so_passes(plugin, examine):
    drawn = "torch.randperm(len(view.features), generator=ctx.rng)[:20]"
    path = plugin((drawn, ":20"), ("(Need.OUTSIDE,))", "(Need.OUTSIDE,), draws=False)"))
    assert all(outcome.status == "ok" for outcome in examine(path, "gate"))


def test_one_that_declares_to_draw_nothing_is_told_what_differs(failed):
    case = BROKEN["classifier: seed-matters, though it declares that it draws nothing"]
    reason = failed("classifier", case)["seed-matters"]
    assert reason.startswith("'map' declares draws=False, and scores of ")
    assert reason.endswith("differs between two seeds; leave draws out of its Info")


def test_reasons_name_the_component_and_end_in_a_remedy(failed):
    reason = failed("classifier", BROKEN["classifier: seed-matters"])["seed-matters"]
    assert reason.startswith("'map' draws at random, and yet is the same for two seeds; draw from ctx.rng")
    reason = failed("classifier", BROKEN["classifier: withheld"])["withheld"]
    assert reason == (
        "'map' asked for unseen semantics under the protocol 'strict'; "
        "declare Need.UNSEEN_SEMANTICS in its Info, or do without"
    )
    reason = failed("classifier", BROKEN["classifier: completes"])["completes"]
    assert reason.startswith("ValueError: no (")
    assert "plugin.py, line" in reason


def test_a_component_is_shown_what_it_declares(plugin, examine):
    change = ("needs=(Need.OUTSIDE,)", "needs=(Need.OUTSIDE, Need.SYNTHETIC)")
    use = (BEGIN_NEAR, "        assert len(view.synthetic) == 3 and view.outside.ndim == 2\n" + BEGIN_NEAR)
    outcomes = examine(plugin(change, use), "gate")
    assert {outcome.status for outcome in outcomes} == {"ok"}
    assert outcomes[1].detail == "under the protocol 'inductive'"
