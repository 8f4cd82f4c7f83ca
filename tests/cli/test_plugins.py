import pytest
from click.testing import CliRunner

from gzslbench.cli.plugins import plugins
from gzslbench.registry.declarations import PluginSource

GATE = """
from gzslbench.contract import Gate, Info, hookimpl

class Open(Gate):
    info = Info("open")
    def fit(self, view, ctx): pass
    def log_prior(self, features): pass

@hookimpl
def gzslbench_gates(): return [Open]
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write plugin files; nothing else is found."""
    monkeypatch.setattr("gzslbench.registry.hosts.find_plugins", lambda files: [_source(path) for path in files])

    def _source(path):
        from gzslbench.registry.declarations import plugin_file

        source = plugin_file(path)
        return PluginSource(source.name, source.distribution, "", source.path)

    def write(name, text):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        return str(path)

    return write


def _run(*arguments):
    return CliRunner().invoke(plugins, arguments, catch_exceptions=False)


def test_what_each_plugin_registers(write):
    result = _run("--plugin", write("good", GATE), "--plugin", write("empty", ""))
    good, empty = result.output.splitlines()
    assert good.startswith("ok      good (good.py ")
    assert good.endswith(": gate open")
    assert empty.startswith("ok      empty (empty.py ")
    assert empty.endswith(": registers nothing")
    assert result.exit_code == 0


def test_a_broken_plugin_is_a_line_and_exit_code_1(write):
    result = _run("--plugin", write("bad", "raise OSError('no disk')"), "--plugin", write("good", GATE))
    good, bad = result.output.splitlines()
    assert good.startswith("ok      good")
    assert bad.startswith("broken  bad (bad.py ")
    assert bad.endswith(": OSError: no disk")
    assert result.exit_code == 1


def test_a_traceback_is_shown_on_demand(write):
    path = write("bad", "raise OSError('no disk')")
    output = _run("--traceback", "--plugin", path).output
    assert "Traceback (most recent call last)" in output
    assert f'File "{path}", line 1' in output
