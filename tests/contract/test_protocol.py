import pytest

from gzslbench.contract.info import Need
from gzslbench.contract.protocol import PROTOCOLS, protocol_named
from gzslbench.errors import UsageError


def test_what_each_protocol_reveals():
    inductive = {Need.UNSEEN_SEMANTICS}
    assert {name: set(protocol.reveals) for name, protocol in PROTOCOLS.items()} == {
        "strict": set(),
        "inductive": inductive,
        "validated": inductive,
        "paper": inductive,
        "splits": inductive,
        "transductive": inductive | {Need.TEST_FEATURES},
    }


def test_only_the_protocol_that_looks_at_the_test_set_is_not_ranked():
    unranked = [protocol for protocol in PROTOCOLS.values() if not protocol.ranked]
    assert [(protocol.name, protocol.selection) for protocol in unranked] == [("paper", "test set")]


def test_an_unknown_protocol_names_the_nearest():
    assert protocol_named("strict") is PROTOCOLS["strict"]
    with pytest.raises(UsageError, match="no protocol 'inductve'; did you mean 'inductive'"):
        protocol_named("inductve")
