"""Records that say what does not follow from their keys and source, and source that takes what is another's."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from gzslbench.records.record import Origin, PartKey
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.submission.claims import check_name
from gzslbench.submission.reading import declared_in

from .conftest import put_keys, put_record, record_in, refusals, rehashed

MINE = """
class Config:
    gamma: float = 1.0
    kind: str = make_it_up()

class Mine(Classifier):
    info = Info("mine", needs=(Need.UNSEEN_SEMANTICS,))
    Config = Config

METHOD = Method("mine", classifier="mine", settings={"mine.gamma": 2.0})
"""


@pytest.fixture
def told(files, verify, tmp_path):
    """Change all records alike, as a careful forger does; gives what the checks say against them."""

    def call(key=None, method=None, **changes):
        put_keys(files, **(key or {}))
        for seed in range(5):
            put_record(
                files, replace(record_in(files, seed), **changes, **({} if method is None else {"method": method}))
            )
        protocols = {"protocols": (key["protocol"],)} if key and "protocol" in key else {}
        manifest = {} if method is None else {"method": method}
        return refusals(verify(rehashed(files, tmp_path / "forged.zip", **manifest, **protocols)))

    return call


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"generative": False}, "generative: false -> true"),
        ({"unseen_semantics": False}, "unseen_semantics: false -> true"),
        ({"budget": "quick"}, 'budget: "quick" -> "full"'),
        ({"budget": "mine"}, 'budget: "mine" -> "full"'),
        ({"origins": {}}, "names other origins of its components"),
        ({"origins": {"softmax": Origin("mine", "1")}}, "names other origins of its components"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_follows_from_the_key_is_not_up_to_the_record(told, changes, line):
    refused = told(**changes)
    assert list(refused) == ["claims"]
    assert line in refused["claims"]


def test_one_chosen_seed_does_not_pass_as_deterministic(files, verify, tmp_path):
    for name in [each for each in files if "/seed-" in each and "/seed-0-" not in each]:
        del files[name]
    put_record(files, replace(record_in(files, 0), deterministic=True))
    refused = refusals(verify(rehashed(files, tmp_path / "forged.zip")))
    assert "deterministic: true -> false" in refused["claims"]


def _classifier(files, **config):
    part = record_in(files, 0).key.classifier
    return {"classifier": replace(part, config={**part.config, **config})}


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (lambda files: {"protocol": "strict"}, "can't be run under 'strict'; 'softmax' needs synthetic features"),
        (lambda files: _classifier(files, epochs="many"), "softmax.epochs"),
        (lambda files: _classifier(files, epochs="150"), 'key.classifier.config.epochs: "150" -> 150'),
        (lambda files: _classifier(files, bonus=1), "'softmax' has no setting 'bonus'"),
        (lambda files: {"classifier": replace(record_in(files, 0).key.classifier, config={})}, "absent ->"),
        (lambda files: {"candidates": ({"softmax": {"epochs": 3}},)}, "softmax.epochs: absent -> 3"),
        (lambda files: {"candidates": ({"softmax": {"bonus": 3}}, {})}, "'softmax' has no setting 'bonus'"),
    ],
)
def test_a_key_is_complete_and_possible(files, told, key, line):
    refused = told(key=key(files))
    assert len(refused) == 1
    assert line in (refused.get("claims") or refused["archive"])


@pytest.mark.parametrize(
    "method",
    [
        "gsmflow",
        "f-clswgan+none+softmax",
        "f\u2010clswgan",
        "f-c1swgan",
        "f-clswgan\u200b",
        "F-CLSWGAN",
        "f-clsw\u0430an",
        "",
        "..",
        "a|b\nc",
        "=1+1",
        "x" * 100_000,
    ],
    ids=lambda name: ascii(name)[:20],
)
def test_a_name_is_that_of_a_method_with_these_components(told, method):
    refused = told(method=method)
    assert refused.keys() <= {"claims", "archive"}
    assert refused


def _source(files, text):
    files["source/mine.py"] = text.encode()


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (
            "class A(Classifier):\n    info = Info('softmax')",
            "the classifier name 'softmax' is taken by the classifier of",
        ),
        ("class A(Gate):\n    info = Info('softmax')", "the gate name 'softmax' is taken by the classifier of"),
        ("M = Method('f-clswgan', classifier='softmax')", "the method name 'f-clswgan' is taken by the method of"),
        ("class A(Gate):\n    info = Info('s0ftmax')", "'s0ftmax' looks like 'softmax'"),
        ("class A(Gate):\n    info = Info('soft-max')", "'soft-max' looks like 'softmax'"),
        ("M = Method('fclswgan', classifier='softmax')", "'fclswgan' looks like 'f-clswgan'"),
        ("M = Method('GsmFl0w', classifier='softmax')", "'GsmFl0w' looks like 'gsmflow'"),
        ("class A(Gate):\n    info = Info('s\u043eftmax')", "can't be used; use up to 64 letters"),
        ("class A(Gate):\n    info = Info('a|b')", "name 'a|b' can't be used"),
        ("class A(Gate):\n    info = Info('')", "name '' can't be used"),
        (f"class A(Gate):\n    info = Info({'x' * 65!r})", "use up to 64 letters"),
        ("class A(Gate):\n    info = Info('a')\nclass B(Gate):\n    info = Info('a')", "the gate name 'a' is taken"),
        (
            "M = Method('mine', classifier='softmax', recipes='../r.toml')",
            "the recipes '../r.toml' lie in another folder",
        ),
        ("M = Method('mine', classifier='softmax', recipes='r.toml')", "the recipe source/r.toml can't be read"),
        ("\n".join(f"class A{n}(Gate):\n    info = Info('a{n}')" for n in range(201)), "declares more than 200 things"),
        ("M = Method('mine', classifier='softmax', settings={'eszsl.lam': 1})", "set 'eszsl', which is none of their"),
    ],
)
def test_source_takes_no_name_that_is_another_s(files, told, source, line):
    _source(files, source)
    refused = told()
    assert line in " ".join(refused.values())


def test_names_that_look_alike():
    for name, other in (("my-method", "my_method"), ("modern", "modem"), ("gsrnflow", "gsmflow"), ("sae1", "saei")):
        with pytest.raises(BundleError, match=f"'{name}' looks like '{other}'"):
            check_name(name, {other})
    check_name("my-method-2", {"my-method", "my-method-3", "my-method-2"})


def _claiming(files, **changes):
    """Records of a classifier of the bundle's own source, with settings in full."""
    (plugin,) = declared_in({"mine.py": MINE.encode()})
    _source(files, MINE)
    config = {"gamma": 2.0, "kind": "made up", **changes.pop("config", {})}
    changes = {"method": "mine", "generative": False, **changes}
    for seed in range(5):
        record = record_in(files, seed)
        none = record.origins["none"]
        key = replace(record.key, generator=None, classifier=PartKey("mine", config, plugin.code), precision="float32")
        origins = {"none": none, "mine": Origin("mine.py", "0" * 12)}
        put_record(files, replace(record, key=key, origins=origins, **changes), seed=seed)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, None),
        ({"config": {"kind": 3}}, "mine.kind: Input should be a valid string"),
        ({"unseen_semantics": False}, "unseen_semantics: false -> true"),
        ({"generative": True}, "generative: true -> false"),
        ({"config": {"gamma": "2.0"}}, 'config.gamma: "2.0" -> 2.0'),
        ({"config": {"gamma": 2}}, "config.gamma: 2 -> 2.0"),
        ({"config": {"bonus": 2}}, "'mine' has no setting 'bonus'"),
        ({"method": "other"}, "declares a method 'other'; its components are 'none+none+mine'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_claims_of_submitted_source_are_read_from_it(files, verify, tmp_path, changes, line):
    _claiming(files, **changes)
    method = changes.get("method", "mine")
    told = refusals(verify(rehashed(files, tmp_path / "mine.zip", method=method, plugin="mine.py")))
    if line is None:
        assert "claims" not in told
    else:
        assert line in told["claims"]


def test_source_is_read_where_the_system_allows_less_than_reading_may_take():
    under_limit = (
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (10, 10))\n"
        "from gzslbench.submission.reading import declared_in\n"
        "print(declared_in({'mine.py': b'X = 1'}))"
    )
    done = subprocess.run([sys.executable, "-c", under_limit], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
