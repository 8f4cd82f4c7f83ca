from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from gzslbench.contract.random_streams import CORE_SEEDS
from gzslbench.errors import UsageError
from gzslbench.records.exchange.opening import open_results
from gzslbench.records.provenance import MANIFEST
from gzslbench.records.record import Origin, PartKey
from gzslbench.records.results import summaries
from gzslbench.records.store import Store
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.registry.declarations import plugin_file
from gzslbench.registry.source_hash import source_hash
from gzslbench.submission import submit as submitting
from gzslbench.submission.bundle import LIMITS, read_bundle
from gzslbench.submission.line import Line, Outcome
from gzslbench.submission.manifest import declarations
from gzslbench.submission.reading import declared_in
from gzslbench.submission.source import pack
from gzslbench.submission.submit import Submission, submit

from .conftest import DECLARED, RESULTS, read_files, refusals, rehashed

SOURCE = """
from gzslbench.contract import Classifier, Info, Method, hookimpl


class Mine(Classifier):
    info = Info("mine")


@hookimpl
def gzslbench_methods():
    return [Method("mine", classifier="mine", recipes="recipes.toml")]
"""
PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "my-method"
version = "1.0"

[project.entry-points.gzslbench]
mine = "my_method"

[tool.setuptools]
packages = ["my_method"]

[tool.setuptools.package-data]
my_method = ["*.toml"]
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A plugin file with a recipe beside it."""
    path = tmp_path / "my_method.py"
    path.write_text(SOURCE)
    (tmp_path / "recipes.toml").write_text("[default.mine]\n")
    return path


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The folder of a package with the same plugin."""
    inner = tmp_path / "package" / "my_method"
    inner.mkdir(parents=True)
    (inner / "__init__.py").write_text(SOURCE)
    (inner / "recipes.toml").write_text("[default.mine]\n")
    (inner.parent / "pyproject.toml").write_text(PROJECT)
    return inner.parent


@pytest.fixture
def results(plugin: Path, tmp_path: Path) -> Path:
    """Records of eszsl, as if the plugin had made and drawn them: nobody can tell where predictions come from."""
    mine = PartKey("mine", {}, source_hash(plugin_file(plugin)))
    store, theirs = Store(tmp_path / "results"), open_results(RESULTS)
    with store.writing():
        for record in theirs.records():
            key = record.key
            if record.method == "eszsl" and key.data_set == "glyphs" and key.protocol in ("inductive", "paper"):
                origins = {"none": record.origins["none"], "mine": Origin("my_method.py", "0" * 12)}
                changed = replace(record, method="mine", deterministic=False, origins=origins)
                for seed in CORE_SEEDS:
                    renamed = replace(key, classifier=mine, seed=seed)
                    store.write(replace(changed, key=renamed), theirs.predictions(key))
    return store.root


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The plugins that ``gzslbench check`` was asked about; all pass."""
    asked: list[str] = []

    def run_check(plugin: str) -> subprocess.CompletedProcess[str]:
        asked.append(plugin)
        return subprocess.CompletedProcess([], 0, "", "")

    monkeypatch.setattr(submitting, "run_check", run_check)
    return asked


def _submission(results: Path, plugin: Path | None, **changes) -> Submission:
    return replace(Submission("mine", results, DECLARED, plugin), **changes)


def _rewrite(results: Path, of_seed: int, **changes) -> None:
    store = Store(results)
    record = next(each for each in store.records() if each.key.seed == of_seed and each.key.protocol == "inductive")
    predictions = store.predictions(record.key)
    store.write(replace(record, key=replace(record.key, **changes)), predictions)


def test_what_was_tuned_is_packed_with_the_recipes(results, plugin, checks, tmp_path, verify):
    tuned = '[mine.CUB]\nbudget = "full"\ntrials = 3\n[mine.CUB.values]\n'
    plugin.with_name("tuned.toml").write_text(tuned)
    bundle = submit(_submission(results, plugin), tmp_path / "mine.zip")
    assert bundle.source["tuned.toml"].decode() == tuned
    assert verify(tmp_path / "mine.zip").passed


def test_a_plugin_file_and_its_recipes_are_packed(results, plugin, checks, tmp_path, verify):
    bundle = submit(_submission(results, plugin), tmp_path / "mine.zip")
    assert checks == [str(plugin)]
    assert dict(bundle.source) == {
        "my_method.py": plugin.read_bytes(),
        "recipes.toml": (plugin.parent / "recipes.toml").read_bytes(),
    }
    assert bundle.manifest.plugin == "my_method.py"
    assert bundle.manifest.protocols == ("inductive",)  # 'paper' is not ranked
    assert [cell.record.key.seed for cell in bundle.cells] == [0, 1, 2, 3, 4]
    assert bundle.manifest.packages["numpy"]
    assert verify(tmp_path / "mine.zip").passed


def test_the_same_records_give_the_same_bytes(results, plugin, checks, tmp_path):
    contents = []
    for name in ("one.zip", "other.zip"):
        submit(_submission(results, plugin), tmp_path / name)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


def test_what_could_not_be_read_back_is_not_written(results, plugin, checks, tmp_path, monkeypatch):
    monkeypatch.setattr("gzslbench.submission.bundle.LIMITS", replace(LIMITS, members=9))
    with pytest.raises(BundleError, match=r"mine\.zip holds 13 files; the limit is 9"):
        submit(_submission(results, plugin), tmp_path / "mine.zip")
    assert not (tmp_path / "mine.zip").exists()


def test_what_draws_nothing_has_one_seed(bundles, verify):
    bundle = read_bundle(bundles["eszsl"])
    assert [cell.record.key.seed for cell in bundle.cells] == [0]
    assert verify(bundles["eszsl"]).passed


def test_one_seed_of_what_draws_is_refused(results, plugin, checks, tmp_path):
    store = Store(results)
    for folder in store.folders():
        if not folder.name.startswith("seed-0-"):
            shutil.rmtree(folder)
    with pytest.raises(BundleError, match="of the core seeds, 1, 2, 3, 4 are missing"):
        submit(_submission(results, plugin), tmp_path / "mine.zip")


def test_methods_of_gzslbench_need_no_source(bundles):
    bundle = read_bundle(bundles["eszsl"])
    assert not bundle.source
    assert not bundle.manifest.plugin
    assert next(iter(read_files(bundles["eszsl"]))) == MANIFEST


def test_a_package_is_packed_as_its_source_distribution(package, plugin, monkeypatch):
    monkeypatch.setattr("gzslbench.submission.source._IN_TURN", (("--no-isolation",),))
    packed = pack(package)
    assert {"pyproject.toml", "PKG-INFO", "my_method/__init__.py", "my_method/recipes.toml"} <= packed.files.keys()
    assert packed.plugins == ("mine",)
    assert [each.code for each in declared_in(packed.files)] == [source_hash(plugin_file(plugin))]


def test_a_package_that_is_not_installed_as_it_is_packed(results, package, checks, tmp_path, monkeypatch):
    monkeypatch.setattr("gzslbench.submission.source._IN_TURN", (("--no-isolation",),))
    with pytest.raises(BundleError, match="not installed as its source is; install it"):
        submit(_submission(results, package), tmp_path / "mine.zip")


def test_missing_seeds_are_refused(results, plugin, checks, tmp_path):
    store = Store(results)
    for record in list(store.records()):
        if record.key.seed in (1, 3):
            for path in (folder := store.folder(record.key)).iterdir():
                path.unlink()
            folder.rmdir()
    with pytest.raises(BundleError, match=r"of the core seeds, 1, 3 are missing on glyphs.*all core seeds"):
        submit(_submission(results, plugin), tmp_path / "mine.zip")
    assert not (tmp_path / "mine.zip").exists()


def test_more_seeds_are_left_out(results, plugin, checks, tmp_path):
    _rewrite(results, of_seed=0, seed=5)
    assert len(submit(_submission(results, plugin), tmp_path / "mine.zip").cells) == 5


def test_unknown_data_is_refused(results, plugin, checks, tmp_path):
    _rewrite(results, 0, features="0" * 16)
    with pytest.raises(BundleError, match=r"features 0000000000000000 is not known.*submit results on"):
        submit(_submission(results, plugin), tmp_path / "mine.zip")


def test_a_data_set_without_a_leaderboard_is_refused(results, plugin, checks, tmp_path):
    _rewrite(results, 0, data_set="MINE")
    with pytest.raises(BundleError, match="there is no leaderboard for the data set 'MINE'"):
        submit(_submission(results, plugin), tmp_path / "mine.zip")


def test_records_of_other_code_are_refused(results, plugin, checks, tmp_path):
    plugin.write_text(SOURCE + "\nCHANGED = True\n")
    with pytest.raises(BundleError, match="another version of 'mine' than the source given; run them again"):
        submit(_submission(results, plugin), tmp_path / "mine.zip")
    with pytest.raises(UsageError, match="'mine' is none of gzslbench's own components; give its source with --plugin"):
        submit(_submission(results, None), tmp_path / "mine.zip")


def test_records_of_earlier_code_are_left_out_beside_current_ones(results, plugin, checks, tmp_path):
    _rewrite(results, 0, classifier=PartKey("mine", {}, "0" * 12))
    assert len(submit(_submission(results, plugin), tmp_path / "mine.zip").cells) == 5


def test_of_several_settings_those_of_the_budget_are_submitted(results, plugin, checks, tmp_path):
    code = source_hash(plugin_file(plugin))
    (tmp_path / "recipes.toml").write_text("[default.mine]\n[budgets.quick.default.mine]\n")
    store = Store(results)
    with store.writing():
        for record in list(store.records()):
            if record.key.protocol == "inductive":
                quick = replace(record.key, classifier=PartKey("mine", {"steps": 1}, code))
                store.write(replace(record, key=quick, budget="quick"), store.predictions(record.key))
    chosen = submitting.chosen(summaries(open_results(results)), _submission(results, plugin))
    for budget, config in (("", {}), ("full", {}), ("quick", {"steps": 1})):
        of_budget = submitting._of_one_recipe(chosen, budget)
        assert [each.key.classifier.config for each in of_budget] == [config] * 5
    with pytest.raises(
        BundleError, match="none with the recipe of the budget 'other'; add --budget full or add --budget"
    ):
        submitting._of_one_recipe(chosen, "other")


def test_several_settings_are_refused(results, plugin, checks, tmp_path):
    _rewrite(results, 0, classifier=PartKey("mine", {"gamma": 2.0}, source_hash(plugin_file(plugin))))
    with pytest.raises(BundleError, match="records with several settings on glyphs"):
        submit(_submission(results, plugin), tmp_path / "mine.zip")


def test_unranked_protocols_are_refused(results, plugin, checks, tmp_path):
    with pytest.raises(BundleError, match="the protocol 'paper' is not ranked"):
        submit(_submission(results, plugin, protocols=("paper",)), tmp_path / "mine.zip")


def test_a_plugin_that_fails_its_check_is_refused(results, plugin, tmp_path, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "FAILED mine: finite\n3 ok, 1 failed, 0 skipped\n", "")
    monkeypatch.setattr(submitting, "run_check", lambda plugin: failed)
    with pytest.raises(BundleError, match=r"my_method\.py fails: 3 ok, 1 failed, 0 skipped; fix"):
        submit(_submission(results, plugin), tmp_path / "mine.zip")


def test_the_check_is_gzslbenchs_own(plugin):
    checked = submitting.run_check(str(plugin.parent / "absent.py"))
    assert checked.returncode == 2
    assert "absent.py" in checked.stderr


def test_methods_without_records(results, plugin, checks, tmp_path):
    with pytest.raises(UsageError, match=r"no record of 'mien'.*mine"):
        submit(_submission(results, plugin, method="mien"), tmp_path / "mine.zip")
    with pytest.raises(UsageError, match="run it first"):
        submit(_submission(tmp_path / "nowhere", plugin), tmp_path / "mine.zip")
    with pytest.raises(UsageError, match="no record of 'mine' on what was named"):
        submit(_submission(results, plugin, data_sets=("CUB",)), tmp_path / "mine.zip")


def test_recipes_that_are_named_and_not_there(plugin):
    (plugin.parent / "recipes.toml").unlink()
    with pytest.raises(UsageError, match=r"my_method\.py names the recipes 'recipes\.toml', which don't lie beside it"):
        pack(plugin)


def test_sources_that_are_none(tmp_path):
    for path, reason in ((tmp_path / "absent.py", "is not a plugin"), (tmp_path, "has no pyproject.toml")):
        with pytest.raises(UsageError, match=reason):
            pack(path)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"one.py": b"", "two.py": b""}, "no pyproject.toml and 2 Python files"),
        ({"pyproject.toml": b"["}, "names no plugin"),
        ({"pyproject.toml": b"[project]"}, "names no plugin: 'entry-points'"),
        ({"pyproject.toml": b"x = " + b"9" * 10_000}, "names no plugin: Exceeds the limit"),
        ({"pyproject.toml": b"x = " + b"[" * 5_000}, "names no plugin: .*recursion"),
        ({"pyproject.toml": b"\xff"}, "names no plugin: .*decode"),
        ({"pyproject.toml": b"a." * 40_000 + b"a = 1"}, "can't be read within 20 s and 1 GiB"),
        ({"pyproject.toml": b'[project.entry-points.gzslbench]\nm = "json"'}, "imported in place of the source's json"),
        ({"pyproject.toml": b'[project.entry-points.gzslbench]\nm = "../../etc"'}, "let it name the package itself"),
        ({"pyproject.toml": b'[project.entry-points.gzslbench]\nm = "pkg.inner"'}, "let it name the package itself"),
        ({"pyproject.toml": b'[project.entry-points.gzslbench]\nm = "pkg"'}, "the source has no module pkg"),
    ],
)
def test_sources_that_cant_be_hashed(files, reason):
    with pytest.raises(BundleError, match=reason):
        declared_in(files)


def test_source_below_src_is_found():
    files = {
        "pyproject.toml": PROJECT.encode(),
        "src/my_method/__init__.py": SOURCE.encode(),
        "src/my_method/recipes.toml": b"",
    }
    (plugin,) = declared_in(files)
    assert [each.info.name for each in plugin.components] == ["mine"]


def test_declarations_that_are_asked_for():
    said = {"author": "me", "licence": "MIT", "chosen_on": "defaults", "external_data": "none"}
    assert declarations(said).chosen_on == "defaults"
    with pytest.raises(UsageError, match="'licence' is not declared; add --declare licence"):
        declarations(said | {"licence": " "})
    with pytest.raises(UsageError, match=r"there is no declaration 'license'.*licence"):
        declarations(said | {"license": "MIT"})


def test_forged_source_is_told_by_its_hash(results, plugin, checks, tmp_path, verify):
    from .conftest import rehashed

    submit(_submission(results, plugin), tmp_path / "mine.zip")
    files = read_files(tmp_path / "mine.zip")
    files["source/my_method.py"] += b"\nCHANGED = True\n"
    refused = refusals(verify(rehashed(files, tmp_path / "forged.zip")))
    assert list(refused) == ["code"]
    assert "'mine' has the code" in refused["code"]


def test_settings_that_are_not_the_recipe_s_were_not_chosen_on_defaults(results, plugin, checks, tmp_path, verify):
    with_gamma = SOURCE.replace('Info("mine")\n', 'Info("mine")\n    Config = Config\n')
    plugin.write_text(f"{with_gamma}\n\nclass Config:\n    gamma: float = 1.0\n")
    mine = PartKey("mine", {"gamma": 100.0}, source_hash(plugin_file(plugin)))
    for seed in range(5):
        _rewrite(results, seed, classifier=mine)
    store = Store(results)
    for record in list(store.records()):
        if record.key.classifier == mine:
            store.rewrite(replace(record, deviations={"mine.gamma": 100.0}))
    out = tmp_path / "mine.zip"
    what = r"the settings of mine \(gamma=100\) are not the recipe's, so they were not chosen on 'defaults'; say what"
    with pytest.raises(BundleError, match=what):
        submit(_submission(results, plugin), out)
    honest = replace(DECLARED, chosen_on="validation classes")
    bundle = submit(_submission(results, plugin, declarations=honest), out)
    assert verify(out).passed
    files = read_files(out)
    path = rehashed(files, tmp_path / "forged.zip", declarations=replace(honest, chosen_on=" Defaults"))
    doubt = refusals(verify(path))
    assert list(doubt) == ["declarations"]
    assert "ask the author" in doubt["declarations"]
    assert verify(path, doubts_allowed=True).passed
    assert [line.text for line in verify(out).lines if line.check == "manifest"] == [
        f"mine (gamma=100) on {bundle.manifest.data[0]}"
    ]


@pytest.mark.slow
def test_an_algorithm_written_anew_is_doubted_until_its_code_is_seen_to_make_its_predictions(
    results, plugin, checks, tmp_path, verify, monkeypatch
):
    submit(_submission(results, plugin), tmp_path / "mine.zip")
    told = refusals(verify(tmp_path / "mine.zip", against=[RESULTS]))
    assert list(told) == ["originality"]
    assert "they were copied, or it is the same algorithm: --rerun tells" in told["originality"]
    passed = [Line("rerun", Outcome.PASSED, "trained again")]
    monkeypatch.setattr("gzslbench.submission.rerun.rerun_cells", lambda *_: passed)
    verification = verify(tmp_path / "mine.zip", against=[RESULTS], rerun=1, unconfined=True)
    assert verification.passed
    (line,) = (line for line in verification.lines if line.check == "originality")
    assert line.text.startswith("its code makes these predictions itself, though glyphs, seed 0")
