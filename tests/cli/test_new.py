from __future__ import annotations


def test_it_writes_a_package_and_says_what_comes_next(gzslbench, tmp_path):
    done = gzslbench("new", "gate", "far-off", "--out", tmp_path)
    assert done.code == 0
    assert f"{tmp_path / 'far-off' / 'src' / 'far_off' / 'gate.py'}\n" in done.out
    assert done.out.splitlines()[-1].endswith("gzslbench check far-off")
    assert (tmp_path / "far-off" / "pyproject.toml").is_file()


def test_a_name_that_is_taken_is_wrong_usage(gzslbench, tmp_path):
    done = gzslbench("new", "classifier", "eszsl", "--out", tmp_path)
    assert done.code == 2
    assert done.err.startswith("error: the name 'eszsl' is taken by")
    assert "Traceback" not in done.err


def test_an_unknown_kind_is_wrong_usage(gzslbench):
    done = gzslbench("new", "novelty", "x")
    assert done.code == 2
    assert "'generator', 'gate', 'classifier', 'dataset', 'method'" in done.err
