from pathlib import Path

import click

from gzslbench.cli.completion import complete_data_sets, complete_plugins


def _context(**params):
    context = click.Context(click.Command("run"))
    context.params = params
    return context


def test_plugins_components_and_methods_are_completed():
    names = complete_plugins(_context(), click.Option(["--plugin"]), "")
    assert names == sorted(set(names))
    assert {"gsmflow", "softmax", "entropy", "no-gate"} <= set(names)
    assert complete_plugins(_context(), click.Option(["--plugin"]), "gsmflow-im") == ["gsmflow-implicit"]


def test_data_sets_of_the_data_folders_are_completed(tmp_path):
    (tmp_path / "BIRDS").mkdir()
    for name in ("res101.mat", "att_splits.mat"):
        (tmp_path / "BIRDS" / name).touch()
    option = click.Option(["--dataset"])
    assert complete_data_sets(_context(data_dirs=(tmp_path,)), option, "B") == ["BIRDS"]
    assert complete_data_sets(_context(), option, "g") == ["glyphs"]
    assert complete_data_sets(_context(data_dirs=(Path("absent"),)), option, "") == []
