"""A plugin of a third party, installed by pip: run by name, and broken in all ways, beside a healthy one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gzslbench.records.store import Store

pytestmark = pytest.mark.slow

PACKAGE = Path(__file__).parent / "packages" / "demo_plugin"
Command = Callable[..., "subprocess.CompletedProcess[str]"]

BROKEN = {
    "demo-wrong-shape": ("contract", "predict", "scores of 'demo-wrong-shape' returned a torch.float32 tensor"),
    "demo-nan": ("contract", "predict", "scores of 'demo-nan' returned NaN or infinite values"),
    "demo-sleeps": ("timeout", "fit classifier", "'fit classifier' of 'demo-sleeps' ran longer than 4 s"),
    "demo-leaves": ("crash", "fit classifier", "exit code 17 in 'fit classifier' of 'demo-leaves'"),
    "demo-peeps": ("protocol", "fit classifier", "'demo-peeps' asked for unseen semantics under the protocol 'strict'"),
    "demo-meddles": ("contract", "fit classifier", "'demo-meddles' changed its input (features) in place"),
    "demo-hungry": ("out of memory", "fit classifier", "demo_plugin_broken.py, line"),
    "demo-exits": ("crash", "fit classifier", "demo_plugin_broken.py, line"),
    "demo-interrupts": ("crash", "fit classifier", "demo_plugin_broken.py, line"),
    "demo-recurses": ("error", "fit classifier", "demo_plugin_broken.py, line"),
}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the plugin."""
    source = tmp_path_factory.mktemp("source") / "demo_plugin"
    shutil.copytree(PACKAGE, source)  # building leaves traces in the source folder
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", target, source], check=True, timeout=120)
    return target


@pytest.fixture
def command(site: Path, tiny_world: Path, tiny_cache: Path, tmp_path: Path) -> Command:
    """Run the command line with the plugin installed."""
    paths = {"GZSLBENCH_DATA": tiny_world, "GZSLBENCH_CACHE": tiny_cache, "GZSLBENCH_RESULTS": tmp_path / "results"}
    environment = os.environ | {name: str(path) for name, path in paths.items()} | {"PYTHONPATH": str(site)}
    script = shutil.which("gzslbench", path=str(Path(sys.executable).parent))
    program = [script] if script else [sys.executable, "-m", "gzslbench"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [*program, *arguments]
        return subprocess.run(line, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=200)

    return run


def test_it_is_found_listed_and_explained_by_name(command):
    listed = command("list", "demo")
    assert listed.returncode == 0
    assert "a method of a third party" in listed.stdout
    assert "gzslbench-demo-plugin 1.2.3" in listed.stdout
    broken = command("run", "--plugin", "demo-unimportable", "-d", "TINY")
    assert broken.returncode == 2
    assert "gzslbench-demo-plugin 1.2.3" in broken.stderr
    assert "RuntimeError: the moon is in the wrong phase" in broken.stderr
    assert "Traceback" not in broken.stderr


def test_each_broken_plugin_fails_alone_and_the_same_command_retries_it(command, tmp_path):
    store, fits = Store(tmp_path / "results"), tmp_path / "fits.txt"
    names = [*list(BROKEN)[:5], "demo", *list(BROKEN)[5:]]  # the healthy one comes amid the broken ones
    plugins = [word for name in names for word in ("--plugin", name)]
    options = ["-d", "TINY", "--seeds", "0", "--protocol", "strict", "--timeout", "4s", "--jobs", "1", "--no-track"]
    line = ["run", *plugins, *options, "--set", f"demo-ridge.count_in={fits}"]

    first = command(*line)
    assert first.returncode == 1, first.stderr
    assert first.stdout.splitlines()[-2].startswith(f"1 done, 0 there already, {len(BROKEN)} failed")
    assert "the same command tries again" in first.stdout.splitlines()[-1]
    assert "demo-unimportable (gzslbench-demo-plugin 1.2.3): RuntimeError: the moon" in first.stderr
    assert "Traceback" not in first.stdout + first.stderr
    failed = [text for text in first.stdout.splitlines() if text.startswith("FAILED")]
    failures = {failure.key.classifier.name: failure for failure in store.failures()}
    assert failures.keys() == BROKEN.keys()
    for name, (kind, phase, words) in BROKEN.items():
        assert len([text for text in failed if name in text and words in text]) == 1, (name, failed)
        assert (failures[name].kind, failures[name].phase) == (kind, phase)
        silent = name in ("demo-sleeps", "demo-leaves")  # killed, and gone without a word
        assert silent or "Traceback (most recent call last)" in failures[name].traceback

    (folder,) = store.folders()
    written = (folder / "record.json").stat().st_mtime_ns
    assert fits.read_text() == "fit\n"
    second = command(*line)
    assert second.returncode == 1
    assert f"{len(BROKEN)} cells to run in 1 group, 1 there already" in second.stdout
    assert (folder / "record.json").stat().st_mtime_ns == written
    assert fits.read_text() == "fit\n"
