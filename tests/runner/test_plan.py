import random
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gzslbench.contract.dataset import Split
from gzslbench.contract.info import Distribution, Makes, Need
from gzslbench.contract.parts import Parts
from gzslbench.contract.protocol import HEADLINE, PROTOCOLS
from gzslbench.data.splits import no_fold
from gzslbench.errors import BrokenPluginError, ConfigError
from gzslbench.registry.combinations import Combination, Resolver, every_combination, of_method, of_parts
from gzslbench.registry.declarations import PluginSource
from gzslbench.registry.recipes import Recipe, RecipeValue
from gzslbench.registry.registry import Registry
from gzslbench.registry.settings import parse_grid
from gzslbench.runner.plan import Scope, Task, make_plan, runs_once, together

INDUCTIVE, STRICT, VALIDATED = (PROTOCOLS[name] for name in ("inductive", "strict", "validated"))
OWN = PluginSource("own", Distribution("gzslbench", ""), "gzslbench_plugins.own")


def _digests(plan):
    return [cell.key.digest() for cell in plan.cells()]


def test_cells_that_share_a_generator_make_a_group(registry, make_task):
    plan = make_plan(list(every_combination(registry)), [make_task()], Resolver(registry), Scope([INDUCTIVE], [0, 1]))
    groups = [(group.seed, [cell.method for cell in group.cells]) for group in plan.groups]
    alone = ["none+none+eszsl", "none+stacking+eszsl"]
    gan, flow = ["gan", "gan+stacking+softmax"], ["flow+none+softmax", "flow+stacking+softmax"]
    assert groups == [(seed, cells) for seed in (0, 1) for cells in (alone, gan, flow)]
    assert len(set(_digests(plan))) == 12
    assert {cell.key.seed for cell in plan.groups[0].cells} == {0}


def test_cells_that_run_code_of_other_distributions_are_in_groups_of_their_own(registry, make_task, make_entry):
    own = {key: replace(entry, plugin=OWN) for key, entry in registry.entries.items()}
    for name in ("one", "two"):
        foreign = make_entry("gate", f"gate-{name}")
        own["gate", f"gate-{name}"] = replace(
            foreign, plugin=replace(foreign.plugin, distribution=Distribution(name, ""))
        )
    path = PluginSource("file", Distribution("gzslbench", ""), path=Path("file"))
    own["classifier", "of-a-file"] = replace(
        make_entry("classifier", "of-a-file", needs=(Need.SYNTHETIC,)), plugin=path
    )
    registry.entries = own
    combinations = list(every_combination(registry))
    plan = make_plan(combinations, [make_task()], Resolver(registry), Scope([VALIDATED], [0], grid=[{}]))
    gan = [group for group in plan.groups if group.cells[0].key.generator and "gan" in group.cells[0].method]
    assert [[cell.method for cell in group.cells] for group in gan] == [
        ["gan", "gan+stacking+softmax"],
        ["gan+none+of-a-file", "gan+stacking+of-a-file"],
        ["gan+gate-one+softmax"],
        ["gan+gate-one+of-a-file"],
        ["gan+gate-two+softmax"],
        ["gan+gate-two+of-a-file"],
    ]
    assert len(together(plan.groups)) == len(plan.groups)


def test_what_can_not_run_is_left_out_once_a_protocol(registry, make_task):
    tasks = [make_task("CUB"), make_task("SUN")]
    scope = Scope([INDUCTIVE, STRICT], [0])
    combinations = [of_parts(registry, "none", "none", "softmax"), of_parts(registry, "gan", "none", "softmax")]
    plan = make_plan(combinations, tasks, Resolver(registry), scope)
    assert [(each.combination, each.protocol) for each in plan.skipped] == [
        ("none+none+softmax", "inductive"),
        ("none+none+softmax", "strict"),
        ("gan", "strict"),
    ]
    assert all("'softmax'" in each.reason for each in plan.skipped)
    assert [(cell.method, cell.key.data_set) for cell in plan.cells()] == [("gan", "CUB"), ("gan", "SUN")]


def test_what_needs_a_shared_space_is_left_out_once_for_each_data_set_without(registry, make_task, make_entry):
    registry.entries["classifier", "similarity"] = make_entry("classifier", "similarity", needs=(Need.SHARED_SPACE,))
    made = make_task("CLINC150").data_set
    shared = replace(made, semantics=made.features[:4], shared_space=True)
    tasks = [make_task("CUB"), make_task("SUN"), Task(shared, shared.split())]
    combinations = [of_parts(registry, "none", "none", name) for name in ("similarity", "eszsl")]
    plan = make_plan(combinations, tasks, Resolver(registry), Scope([INDUCTIVE, STRICT], [0]))
    assert [(each.combination, each.where) for each in plan.skipped] == [
        ("none+none+similarity", "on CUB"),
        ("none+none+similarity", "on SUN"),
    ]
    assert {cell.key.data_set for cell in plan.cells() if cell.method == "none+none+similarity"} == {"CLINC150"}
    assert sum(cell.method == "none+none+eszsl" for cell in plan.cells()) == 6


def test_what_comes_to_the_same_under_two_names_is_run_once_under_the_first(registry, make_task):
    combinations = [of_method(registry, "short-gan"), of_method(registry, "gan")]
    scope = Scope([INDUCTIVE, STRICT], [0], grid=parse_grid(["gan.steps=7,8"]))
    plan = make_plan([*combinations, *combinations], [make_task()], Resolver(registry), scope)
    assert [cell.method for cell in plan.cells()] == ["short-gan"] * 2
    assert [each.combination for each in plan.skipped] == ["short-gan", "gan"]


def test_keys_depend_neither_on_order_nor_on_company(registry, make_task, make_entry):
    tasks = [make_task("CUB"), make_task("SUN")]
    scope = Scope([INDUCTIVE, VALIDATED], [0, 1, 2], grid=parse_grid(["gan.steps=1,2"]))
    combinations = list(every_combination(registry))
    expected = set(_digests(make_plan(combinations, tasks, Resolver(registry), scope)))
    rng = random.Random(0)
    for shuffled in (combinations, tasks):
        rng.shuffle(shuffled)
    grid = parse_grid(["gan.steps=2,1"])
    backwards = Scope([VALIDATED, INDUCTIVE], [2, 0, 1], grid=grid)
    assert set(_digests(make_plan(combinations, tasks, Resolver(registry), backwards))) == expected
    registry.entries["gate", "other"] = make_entry("gate", "other")
    alone = make_plan([of_parts(registry, "gan", "none", "softmax")], tasks[:1], Resolver(registry), scope)
    assert set(_digests(alone)) < expected
    more = set(_digests(make_plan(list(every_combination(registry)), tasks, Resolver(registry), scope)))
    assert expected < more


def test_the_key_says_what_decides_the_result(registry, make_task, make_entry):
    task = make_task(splits=2)
    other_split = replace(task, split=task.data_set.split("split-1"))
    precisions = ("float32", "bfloat16")
    registry.entries["generator", "gan"] = make_entry(
        "generator", "gan", makes=(Makes.SYNTHETIC,), precisions=precisions
    )
    combination = of_parts(registry, "gan", "none", "softmax")

    def digest(task=task, seed=0, scope=None, chosen=None):
        scope = scope or Scope([INDUCTIVE], [seed])
        return _digests(make_plan([combination], [task], Resolver(registry, "", chosen or {}), scope))[0]

    different = [
        digest(),
        digest(make_task("SUN")),
        digest(make_task(scale=2.0)),
        digest(other_split),
        digest(seed=1),
        digest(scope=Scope([PROTOCOLS["paper"]], [0])),
        digest(scope=Scope([INDUCTIVE], [0], device="cuda:1")),
        digest(scope=Scope([INDUCTIVE], [0], precision="bfloat16")),
        digest(chosen={"softmax": {"epochs": 1}}),
    ]
    assert len(set(different)) == len(different)
    assert digest(chosen={"softmax": {"epochs": "25"}}) == digest()
    assert digest(scope=Scope([INDUCTIVE], [0], device="cuda:0")) == digest(
        scope=Scope([INDUCTIVE], [0], device="cuda")
    )


def test_a_grid_makes_cells_and_only_for_the_components_that_it_sets(registry, make_task):
    combinations = [of_parts(registry, *parts) for parts in (("gan", "none", "softmax"), ("none", "none", "eszsl"))]
    scope = Scope([INDUCTIVE], [0], grid=parse_grid(["gan.steps=1,2,1.0", "softmax.epochs=5,6"]))
    plan = make_plan(combinations, [make_task()], Resolver(registry), scope)
    settings = [
        (cell.setups[0].generator.config["steps"], cell.setups[0].classifier.config["epochs"])
        for cell in plan.cells()
        if cell.generative
    ]
    assert sorted(settings) == [(1, 5), (1, 6), (2, 5), (2, 6)]
    assert len(plan.groups) == 3
    assert len(list(plan.cells())) == 5
    assert all(cell.key.candidates == () for cell in plan.cells())


def test_a_grid_becomes_the_candidates_of_one_cell_where_the_protocol_chooses(registry, make_task):
    combinations = [of_parts(registry, *parts) for parts in (("gan", "none", "softmax"), ("none", "none", "eszsl"))]
    scope = Scope([VALIDATED], [0], grid=parse_grid(["gan.steps=2,1", "gan.rate=0.5,0.1"]))
    gan, eszsl = make_plan(combinations, [make_task()], Resolver(registry), scope).cells()
    assert len(gan.setups) == len(gan.key.candidates) == 4
    assert [choice.generator.config for choice in gan.setups] == [each["gan"] for each in gan.key.candidates]
    assert gan.key.generator.config == gan.key.candidates[0]["gan"]
    assert len(eszsl.setups) == 1
    assert eszsl.key.candidates == ()


def test_a_cell_carries_the_labels_of_its_record(registry, make_task):
    combinations = [of_parts(registry, *parts) for parts in (("gan", "stacking", "softmax"), ("none", "none", "eszsl"))]
    gan, eszsl = make_plan(combinations, [make_task()], Resolver(registry), Scope([INDUCTIVE], [0])).cells()
    assert (gan.method, gan.generative, gan.unseen_semantics) == ("gan+stacking+softmax", True, True)
    assert {name: origin.distribution for name, origin in gan.origins.items()} == dict.fromkeys(
        ("gan", "stacking", "softmax"), "acme"
    )
    assert (eszsl.generative, eszsl.unseen_semantics) == (False, False)


@pytest.fixture
def drawing_nothing(registry, make_entry):
    """Beside what draws: a classifier and a gate that declare to draw nothing."""
    for kind, name in (("classifier", "fixed"), ("gate", "open")):
        registry.entries[kind, name] = make_entry(kind, name, draws=False)
    return registry


def test_what_draws_nothing_is_planned_once_whatever_the_seeds(drawing_nothing, make_task):
    parts = (
        ("none", "open", "fixed"),
        ("none", "none", "fixed"),
        ("none", "open", "eszsl"),
        ("gan", "open", "softmax"),
    )
    combinations = [of_parts(drawing_nothing, *each) for each in parts]
    scope = Scope([INDUCTIVE, STRICT, VALIDATED], [3, 7])
    plan = make_plan(combinations, [make_task()], Resolver(drawing_nothing), scope)
    seeds = {}
    for cell in plan.cells():
        seeds.setdefault((cell.key.protocol, cell.method), []).append((cell.key.seed, cell.deterministic))
    drawn = [(3, False), (7, False)]
    assert seeds["inductive", "none+open+fixed"] == seeds["strict", "none+open+fixed"] == [(0, True)]
    assert seeds["validated", "none+open+fixed"] == drawn  # validation classes are drawn
    others = ("none+none+fixed", "none+open+eszsl", "gan+open+softmax")
    assert all(seeds["inductive", name] == drawn for name in others)
    assert all(cell.key.seed == group.seed for group in plan.groups for cell in group.cells)
    assert runs_once(plan.groups) == "deterministic, run once for all seeds: none+open+fixed"
    assert all(group.cells for group in plan.groups)


def test_a_plan_without_such_methods_says_nothing_of_them(registry, make_task):
    plan = make_plan(list(every_combination(registry)), [make_task()], Resolver(registry), Scope([INDUCTIVE], [0]))
    assert runs_once(plan.groups) == ""


def test_twenty_thousand_cells_are_planned_in_a_second(make_entry, make_task, registry, slowdown):
    gan = registry.get("generator", "gan").what
    generators = [make_entry("generator", f"g{i}", gan.Config, makes=(Makes.SYNTHETIC,)) for i in range(10)]
    gates = [make_entry("gate", f"k{i}") for i in range(10)]
    classifiers = [make_entry("classifier", f"c{i}", needs=(Need.SYNTHETIC,)) for i in range(10)]
    combinations = [
        Combination(f"{g.name}{k.name}{c.name}", Parts(g, k, c)) for g in generators for k in gates for c in classifiers
    ]
    tasks = [make_task(f"D{i}") for i in range(5)]
    everything = Registry({(entry.kind, entry.name): entry for entry in generators + gates + classifiers})

    def plan_s():
        start = time.process_time()
        plan = make_plan(combinations, tasks, Resolver(everything), Scope([INDUCTIVE], range(4)))
        taken = time.process_time() - start
        assert (len(plan.groups), sum(len(group.cells) for group in plan.groups)) == (200, 20_000)
        return taken

    assert any(plan_s() < 1.0 * slowdown() for _ in range(3))


def test_seeds_are_joined_where_nothing_but_the_seed_differs(registry, make_task):
    tasks = [make_task("CUB"), make_task("SUN")]
    scope = Scope([INDUCTIVE, VALIDATED], [0, 1, 2])
    plan = make_plan(list(every_combination(registry)), tasks, Resolver(registry), scope)
    joined = together(plan.groups)
    assert sorted(cell.key.digest() for group in joined for cell in group.cells) == sorted(_digests(plan))
    sizes = {}
    for group in joined:
        seeds = {cell.key.seed for cell in group.cells}
        assert len({replace(cell.key, seed=0).digest() for cell in group.cells}) * len(seeds) == len(group.cells)
        joins = group.protocol is INDUCTIVE and group.cells[0].generative
        sizes.setdefault(joins, set()).add(len(seeds))
    assert sizes == {True: {3}, False: {1}}


def test_a_cell_as_it_stops_and_its_calibrated_twin_are_in_one_group(registry, make_task, make_entry):
    registry.entries["gate", "calibrated-stacking"] = make_entry(
        "gate", "calibrated-stacking", needs=(Need.VALIDATION,)
    )
    names = ("gan+none+softmax", "gan+stacking+softmax", "none+none+eszsl")
    combinations = [of_parts(registry, *name.split("+")) for name in names]
    scope = Scope([PROTOCOLS[name] for name in HEADLINE], [0, 1])
    plan = make_plan(combinations, [make_task()], Resolver(registry), scope)
    cells = [[(cell.method, cell.key.protocol, cell.key.gate.name) for cell in group.cells] for group in plan.groups]
    gan = [
        ("gan", "inductive", "none"),
        ("gan+stacking+softmax", "inductive", "stacking"),
        ("gan", "inductive-calibrated", "calibrated-stacking"),
    ]
    eszsl = [
        ("none+none+eszsl", "inductive", "none"),
        ("none+none+eszsl", "inductive-calibrated", "calibrated-stacking"),
    ]
    assert sorted(cells) == sorted([gan, eszsl] * 2)
    assert all(cell.deviations == {} for cell in plan.cells())


def test_without_validation_classes_cells_are_run_as_they_stop(registry, make_task, make_entry):
    registry.entries["gate", "calibrated-stacking"] = make_entry(
        "gate", "calibrated-stacking", needs=(Need.VALIDATION,)
    )
    task = make_task()
    lone = Split("lone", [0, 4], [0], [3], [0], [3])
    task = replace(task, split=lone, no_fold=no_fold(task.data_set, lone))
    scope = Scope([PROTOCOLS[name] for name in HEADLINE], [0])
    plan = make_plan([of_parts(registry, "none", "none", "eszsl")], [task], Resolver(registry), scope)
    assert [cell.key.protocol for cell in plan.cells()] == ["inductive"]
    (skipped,) = plan.skipped
    assert skipped.protocol == "inductive-calibrated"
    assert "no validation classes can be cut" in skipped.reason


def test_seeds_with_other_cells_left_stay_apart(registry, make_task):
    plan = make_plan(list(every_combination(registry)), [make_task()], Resolver(registry), Scope([INDUCTIVE], [0, 1]))
    generative = [group for group in plan.groups if group.cells[0].generative]
    cut = [replace(group, cells=group.cells[: 1 if group.seed else None]) for group in generative]
    assert len(together(cut)) == len(cut)


def test_the_precision_is_in_the_key_of_what_follows_it_alone(registry, make_task, make_entry):
    follows = make_entry("generator", "flow", makes=(Makes.SYNTHETIC,), precisions=("float32", "bfloat16"))
    registry.entries["generator", "flow"] = follows
    combinations = [of_parts(registry, name, "none", "softmax") for name in ("gan", "flow")]
    scope = Scope([INDUCTIVE], [0], precision="bfloat16")
    plan = make_plan(combinations, [make_task()], Resolver(registry), scope)
    assert {cell.setups[0].generator.name: cell.key.precision for cell in plan.cells()} == {
        "gan": "float32",
        "flow": "bfloat16",
    }


def _recipe(**settings):
    return {"default": {"gan": {name: RecipeValue(value, "ours") for name, value in settings.items()}}}


@pytest.fixture
def with_recipes(registry):
    """The method 'gan' takes 50 steps, 5 with the quick budget."""
    source = registry.get("generator", "gan").plugin
    registry.recipes[source] = Recipe(_recipe(steps=50), {"quick": _recipe(steps=5)})
    return registry


@pytest.mark.parametrize(
    ("budget", "chosen", "named"),
    [
        ("full", {}, ("gan", "full", {})),
        ("quick", {}, ("gan", "quick", {})),
        ("full", {"gan": {"steps": "50"}}, ("gan", "full", {})),
        ("full", {"gan": {"steps": "60"}}, ("gan", "full", {"gan.steps": 60})),
        ("quick", {"gan": {"steps": "60"}}, ("gan", "quick", {"gan.steps": 60})),
        ("quick", {"gan": {"steps": "50"}}, ("gan", "full", {})),
        ("full", {"gan": {"steps": "5"}}, ("gan", "quick", {})),
        (
            "quick",
            {"gan": {"rate": "1"}, "softmax": {"epochs": 1}},
            ("gan", "quick", {"gan.rate": 1.0, "softmax.epochs": 1}),
        ),
    ],
)
def test_a_cell_says_what_is_not_its_recipe_s(with_recipes, make_task, budget, chosen, named):
    combination = of_parts(with_recipes, "gan", "none", "softmax")
    resolver = Resolver(with_recipes, budget, chosen)
    (cell,) = make_plan([combination], [make_task()], resolver, Scope([INDUCTIVE], [0])).cells()
    assert (cell.method, cell.budget, cell.deviations) == named


def test_a_recipe_that_one_data_set_can_not_use_costs_that_pair_alone(with_recipes, make_task, caplog):
    source = with_recipes.get("generator", "gan").plugin
    with_recipes.recipes[source].data_sets["SUN"] = _recipe(steps="many")["default"]
    combinations = [of_method(with_recipes, "gan"), of_parts(with_recipes, "none", "none", "eszsl")]
    tasks, scope = [make_task("CUB"), make_task("SUN")], Scope([INDUCTIVE], [0])
    plan = make_plan(combinations, tasks, Resolver(with_recipes), scope)
    found = {(cell.method, cell.key.data_set) for cell in plan.cells()}
    assert found == {("gan", "CUB"), ("none+none+eszsl", "CUB"), ("none+none+eszsl", "SUN")}
    (named,) = caplog.records
    assert "the recipe of 'gan' for SUN can't be used: gan.steps: " in named.getMessage()
    assert named.exit_code == 2
    with pytest.raises(BrokenPluginError, match="the recipe of 'gan' for SUN"):
        make_plan(combinations[:1], tasks[1:], Resolver(with_recipes), scope)
    with pytest.raises(ConfigError, match=r"softmax\.epochs"):  # what the user set stops all
        make_plan(combinations, tasks, Resolver(with_recipes, chosen={"softmax": {"epochs": "few"}}), scope)


def test_a_budget_that_changes_nothing_is_none(with_recipes, make_task):
    combination = of_parts(with_recipes, "none", "none", "eszsl")
    (cell,) = make_plan([combination], [make_task()], Resolver(with_recipes, "quick"), Scope([INDUCTIVE], [0])).cells()
    assert (cell.budget, cell.deviations) == ("full", {})


def test_what_a_method_sets_is_its_recipe_and_a_point_of_a_sweep_is_not(with_recipes, make_task):
    variant = of_method(with_recipes, "short-gan")
    point = replace(of_method(with_recipes, "gan"), tried={"gan": {"rate": 0.5}})
    plan = make_plan([variant, point], [make_task()], Resolver(with_recipes), Scope([INDUCTIVE], [0]))
    assert [(cell.method, cell.deviations) for cell in plan.cells()] == [("short-gan", {}), ("gan", {"gan.rate": 0.5})]


def test_what_two_names_stand_for_has_the_one_that_is_exact(with_recipes, make_task):
    names = [of_method(with_recipes, name) for name in ("gan", "short-gan")]
    scope = Scope([INDUCTIVE], [0], grid=parse_grid(["gan.steps=7,50"]))
    cells = {
        cell.setups[0].generator.config["steps"]: cell
        for cell in make_plan(names, [make_task()], Resolver(with_recipes), scope).cells()
    }
    assert (cells[7].method, cells[7].deviations) == ("short-gan", {})
    assert (cells[50].method, cells[50].deviations) == ("gan", {})


def test_settings_that_a_protocol_chooses_are_named_with_all_their_values(with_recipes, make_task):
    scope = Scope([VALIDATED], [0], grid=parse_grid(["gan.rate=10,9", "softmax.epochs=3"]))
    combination = of_parts(with_recipes, "gan", "none", "softmax")
    (cell,) = make_plan([combination], [make_task()], Resolver(with_recipes), scope).cells()
    assert cell.deviations == {"gan.rate": {"one of": [9.0, 10.0]}, "softmax.epochs": 3}
