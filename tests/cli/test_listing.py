import json
import re

import pytest
from click.testing import CliRunner

from gzslbench.cli.listing import list_
from gzslbench.contract.protocol import PROTOCOLS
from gzslbench.errors import UsageError

SOURCE = """
raise RuntimeError("never imported")

class Soft(Gate, Classifier):
    info = Info("soft", "a soft gate", "Somebody 2020", needs=(Need.SYNTHETIC, Need.PROXIES))

class Gan(Generator):
    info = Info("my-gan", makes=(Makes.SYNTHETIC, Makes.ENCODING))

class Toy(DataSource):
    info = DataInfo("toy", "made up")

Method("my-method", generator="my-gan", gate="soft", classifier="soft", sweeps={"my-gan.steps": (5, 10)})
Method("my-method-without", classifier="soft", summary="without my-gan", variant_of="my-method")
"""


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    return str(path)


def _run(*arguments):
    result = CliRunner().invoke(list_, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_everything_is_listed(plugin):
    *blocks, advice = _run("--plugin", plugin).strip().split("\n\n")
    sections = dict(block.split("\n", 1) for block in blocks)
    assert advice.startswith("More about one: gzslbench list NAME.")
    assert "  my-method" in sections["Methods"]
    assert "my-gan + soft + soft" in sections["Methods"]
    assert "my-method-without" not in sections["Methods"]
    assert "  my-method-without " in sections["Variants of methods"]
    assert list(sections)[:3] == ["Methods", "Variants of methods", "Generators"]
    assert "  my-gan" in sections["Generators"]
    for heading in ("Gates", "Classifiers"):
        assert "soft" in sections[heading]
    assert "  glyphs" in sections["Data sets"]
    assert "made up" in sections["Data sets"]
    assert [line.split()[0] for line in sections["Protocols"].splitlines()] == list(PROTOCOLS)


def test_one_name_is_told_about_in_each_of_its_roles(plugin):
    blocks = _run("soft", "--plugin", plugin).strip().split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == ["classifier soft", "gate soft"]
    assert "needs      synthetic features of unseen classes, proxies" in blocks[0]
    assert "precision  float32\n" in blocks[0]
    assert "paper      Somebody 2020" in blocks[0]
    assert f"source     {plugin}" in blocks[0]


@pytest.mark.parametrize(("name", "told"), [("eszsl", True), ("softmax", False)])
def test_what_draws_nothing_is_told(name, told):
    assert ("draws      nothing at random: one run stands for all seeds" in _run(name)) is told


def test_a_method_tells_its_components(plugin):
    block = _run("my-method", "--plugin", plugin)
    for fact in ("generator   my-gan", "gate        soft", "classifier  soft"):
        assert fact in block


def test_a_method_tells_what_it_varies_and_which_values_to_try(plugin):
    assert "variant of  my-method\n" in _run("my-method-without", "--plugin", plugin)
    complete = _run("my-method", "--plugin", plugin)
    assert "variant of" not in complete
    assert "values to try, by gzslbench ablate my-method --sweep\n  my-gan.steps  5, 10\n" in complete


def test_json_says_the_same(plugin):
    everything = json.loads(_run("--json", "--plugin", plugin))
    assert {"my-method", "gsmflow", "toy"} <= {each["name"] for each in everything}
    (mine,) = json.loads(_run("--json", "my-gan", "--plugin", plugin))
    assert mine["kind"] == "generator"
    assert mine["makes"] == ["synthetic features of unseen classes", "an encoding of real features"]
    assert mine["plugin"].startswith("mine (mine.py ")


def test_an_unknown_name_suggests_the_nearest(plugin):
    result = CliRunner().invoke(list_, ["my-gna", "--plugin", plugin])
    assert isinstance(result.exception, UsageError)
    assert str(result.exception).startswith("there is no method, component or data set 'my-gna'; did you mean 'my-gan'")


def test_what_a_method_is_set_to_on_a_data_set_with_the_origin_of_each_value(gzslbench):
    told = gzslbench("list", "gsmflow", "-d", "cub")
    assert told.code == 0, told.err
    lines = [re.sub(r"\s{2,}", "  ", line.strip()) for line in told.out.splitlines()]
    assert lines[0] == "settings of gsmflow on CUB with --budget full, for --set COMPONENT.SETTING=VALUE"
    assert "gsmflow.perturbation  0.05  paper" in lines
    assert "gsmflow.conditioning  explicit  default" in lines
    place = lines.index("gsmflow.batch_size  256  paper")
    assert re.match("128  with --budget quick, ours: ", lines[place + 1])
    assert any(line.startswith("softmax.learning_rate  0.01  released code: its value for CUB") for line in lines)


def test_what_a_variant_sets_is_said_to_be_its_own(gzslbench):
    told = gzslbench("list", "gsmflow-implicit", "-d", "glyphs", "--json")
    values = {each["setting"]: each for each in json.loads(told.out) if not each["option"]}
    assert values["gsmflow.conditioning"]["value"] == "implicit"
    assert values["gsmflow.conditioning"]["origin"] == "set by gsmflow-implicit"


def test_a_component_shows_its_own_settings_and_a_plugin_file_too(gzslbench, toy_plugin):
    told = gzslbench("list", "toy-linear", "-d", "TINY", "--plugin", toy_plugin)
    assert told.code == 0, told.err
    assert [line.split() for line in told.out.splitlines()[1:-1]] == [["toy-linear.gamma", "1.0", "default"]]


def test_a_data_set_is_described(gzslbench):
    told = gzslbench("list", "TINY")
    assert told.code == 0, told.err
    assert "TINY: 96 samples of 9 dimensions, 8 classes, 3-d semantics" in told.out
    assert "5 seen (2 for validation) and 3 unseen classes" in told.out


def test_a_data_set_that_is_missing_is_named_with_how_to_get_it(gzslbench):
    ended = gzslbench("list", "AWA2")
    assert ended.code == 3
    assert "gzslbench data fetch AWA2" in ended.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("list", "-d", "TINY"), "--dataset shows settings on a data set, and nothing is named"),
        (("list", "eszsl", "-d", "TINI"), "there is no data set 'TINI'; did you mean 'TINY'?"),
        (("list", "TINI"), "there is no method, component or data set 'TINI'; did you mean 'TINY'"),
        (("list", "eszsl", "--plugin", "absent.py"), "'absent.py' does not exist"),
        (("list", "TINY", "--json"), "the data set 'TINY' is described in text alone; leave out --json"),
    ],
)
def test_names_of_nothing_are_refused(gzslbench, words, message):
    ended = gzslbench(*words)
    assert ended.code == 2
    assert message in ended.err
