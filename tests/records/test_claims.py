"""Claims on cells: nobody gets what another one has, and what a dead one had goes to one of those who want it."""

import os
import subprocess
import sys
import threading
import time

import pytest

from gzslbench.errors import UsageError
from gzslbench.records.claims import Claims, drop_dead_claims

LONG_AGO_S = 1000


def files(results):
    return sorted(path.name for path in (results / "claims").iterdir())


def abandon(results, digest, number=0, name="process 1 on another"):
    """Leave the claim of a process that has not touched it for long."""
    (results / "claims").mkdir(exist_ok=True)
    path = results / "claims" / f"{digest}.{number}"
    path.write_text(name)
    past_s = time.time() - LONG_AGO_S
    os.utime(path, (past_s, past_s))
    return path


def test_what_one_has_in_hand_another_one_does_not_get_and_all_or_none_is_taken(tmp_path):
    with Claims(tmp_path) as one, Claims(tmp_path) as other:
        assert one.take(["b"])
        assert not other.take(["a", "b", "c"])
        assert files(tmp_path) == ["b.0"]
        assert other.take(["a", "c"])
        one.release(["b"])
        assert other.take(["b"])
        assert other.holder("b") == f"process {os.getpid()} on {os.uname().nodename}"
        assert other.holder("z") == ""
    assert files(tmp_path) == []


def test_an_expired_claim_is_taken_over_and_no_fresh_one_is(tmp_path):
    abandon(tmp_path, "a")
    abandon(tmp_path, "b", 0)
    (tmp_path / "claims" / "b.1").write_text("process 2, which took it over and lives")
    with Claims(tmp_path) as claims:
        assert claims.take(["a"])
        assert not claims.take(["b"])
        assert files(tmp_path) == ["a.0", "a.1", "b.0", "b.1"]
    assert files(tmp_path) == ["b.0", "b.1"]


def test_a_claim_lives_on_while_its_process_does(tmp_path, monkeypatch):
    monkeypatch.setenv("GZSLBENCH_CLAIM_S", "1")
    with Claims(tmp_path) as one, Claims(tmp_path) as other:
        assert one.take(["a"])
        time.sleep(2)
        assert not other.take(["a"])


def test_of_many_who_find_an_expired_claim_one_takes_it_over(tmp_path):
    for round_ in range(50):
        digest = f"d{round_}"
        abandon(tmp_path, digest)
        everyone = [Claims(tmp_path) for _ in range(4)]
        at_once, winners = threading.Barrier(len(everyone)), []

        def compete(claims, digest=digest, at_once=at_once, winners=winners):
            with claims:
                at_once.wait()
                winners += [claims] if claims.take([digest]) else []
                at_once.wait()

        threads = [threading.Thread(target=compete, args=(claims,)) for claims in everyone]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(winners) == 1
    assert files(tmp_path) == []


def test_who_found_a_claim_expired_and_was_slow_does_not_take_the_next_one(tmp_path, monkeypatch):
    """Another one has taken it over and given it up meanwhile, and a third one has begun anew."""
    abandon(tmp_path, "a")
    with Claims(tmp_path) as slow, Claims(tmp_path) as fast, Claims(tmp_path) as third:
        now_ns = slow._now_ns

        def meanwhile():
            assert fast.take(["a"])
            fast.release(["a"])
            assert third.take(["a"])
            return now_ns()

        monkeypatch.setattr(slow, "_now_ns", meanwhile)
        assert not slow.take(["a"])
        assert files(tmp_path) == ["a.0"]
        assert third.holder("a")


DYING = """
import os, sys
from pathlib import Path
from gzslbench.records.claims import Claims
claims = Claims(Path(sys.argv[1])).__enter__()
assert claims.take(["a"])
os._exit(0)
"""


def test_where_none_is_left_the_claims_of_this_machine_go_and_others_stay(tmp_path):
    subprocess.run([sys.executable, "-c", DYING, str(tmp_path)], check=True)
    abandon(tmp_path, "b")
    assert files(tmp_path) == ["a.0", "b.0"]
    drop_dead_claims(tmp_path)
    assert files(tmp_path) == ["b.0"]


@pytest.mark.parametrize("given", ["soon", "0", "nan"])
def test_an_expiry_that_is_no_time_is_refused(tmp_path, monkeypatch, given):
    monkeypatch.setenv("GZSLBENCH_CLAIM_S", given)
    with pytest.raises(UsageError, match=f"GZSLBENCH_CLAIM_S is '{given}'; give seconds"):
        Claims(tmp_path)
