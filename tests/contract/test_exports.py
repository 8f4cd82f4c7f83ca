from gzslbench import contract


def test_all_that_an_author_needs_is_exported():
    assert all(hasattr(contract, name) for name in contract.__all__)
