from gzslbench.errors import nearest


def test_near_misses_come_first():
    assert nearest("gsmflwo", ["eszsl", "gsmflow", "sae"]) == "did you mean 'gsmflow'?"


def test_several_near_misses_are_alternatives():
    assert nearest("step", ["steps", "stop"]) == "did you mean 'steps' or 'stop'?"


def test_all_are_listed_where_none_is_near():
    assert nearest("xyz", ["sae", "eszsl"]) == "choose from eszsl, sae"


def test_nothing_to_choose_from():
    assert nearest("xyz", []) == "there are none"
