import pytest

from gzslbench.contract.info import Need
from gzslbench.contract.protocol import HEADLINE, PROTOCOLS, protocol_named
from gzslbench.errors import UsageError


def test_what_each_protocol_reveals():
    inductive, validation = {Need.UNSEEN_SEMANTICS}, {Need.VALIDATION}
    transductive = inductive | {Need.TEST_FEATURES}
    assert {name: set(protocol.reveals) for name, protocol in PROTOCOLS.items()} == {
        "strict": set(),
        "inductive": inductive,
        "splits": inductive,
        "transductive": transductive,
        "strict-calibrated": validation,
        "inductive-calibrated": inductive | validation,
        "splits-calibrated": inductive | validation,
        "transductive-calibrated": transductive | validation,
        "validated": inductive | validation,
        "paper": inductive,
    }


def test_calibration_shows_nothing_of_unseen_classes():
    for protocol in PROTOCOLS.values():
        if protocol.choice == "calibrated":
            as_it_stops = PROTOCOLS[protocol.visibility.name]
            assert (protocol.reveals - {Need.VALIDATION}, protocol.many_splits) == (
                as_it_stops.reveals,
                as_it_stops.many_splits,
            )


def test_the_headline_shares_what_training_may_see():
    assert len({PROTOCOLS[name].visibility.name for name in HEADLINE}) == 1


def test_only_the_protocol_that_looks_at_the_test_set_is_not_ranked():
    unranked = [protocol for protocol in PROTOCOLS.values() if not protocol.ranked]
    assert [(protocol.name, protocol.choice) for protocol in unranked] == [("paper", "test set")]


def test_an_unknown_protocol_names_the_nearest():
    assert protocol_named("strict") is PROTOCOLS["strict"]
    with pytest.raises(UsageError, match="no protocol 'inductve'; did you mean 'inductive'"):
        protocol_named("inductve")
