"""Processes that end with the body that waits for them."""

from __future__ import annotations

from multiprocessing.connection import Connection

import pytest

from gzslbench.processes.child import child_process, start_fork_server


@pytest.fixture(autouse=True)
def _the_server_of_all_tests():
    start_fork_server(threads=1)  # the first to start it decides what it has imported: sweeps need more than we do


def test_a_function_gets_the_other_end_of_the_pipe(tmp_path):
    with child_process(tmp_path / "log.txt", Connection.send, "hello") as (process, pipe):
        assert pipe.recv() == "hello"
    assert not process.is_alive()


def test_a_process_that_waits_for_ever_ends_with_the_body(tmp_path):
    log = tmp_path / "folder" / "log.txt"
    with pytest.raises(ValueError, match="over"), child_process(log, Connection.recv) as (process, _):
        raise ValueError("over")
    assert not process.is_alive()
    assert process.exitcode != 0
