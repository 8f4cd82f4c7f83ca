"""A Ray cluster over hosts of their own, network namespaces of this machine, of which one is cut off for a while."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gzslbench.records.store import Store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("GZSLBENCH_SOAK" not in os.environ, reason="takes minutes: make soak"),
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None, reason="makes network namespaces, as root"),
]

PLUGIN = Path(__file__).parents[1] / "plugin_files" / "busy.py"
HEAD, PORT = "10.77.0.1", 6390
HOSTS = {"gz-one": "10.77.0.2", "gz-two": "10.77.0.3"}
GROUPS = 24  # of eight seconds
CUT_S = 75  # Ray gives a node up after about half of that


def ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True)


@pytest.fixture
def network() -> Iterator[None]:
    """A switch to which this machine and both hosts are plugged."""
    try:
        ip("link add gz-switch type bridge")
        ip(f"address add {HEAD}/24 dev gz-switch")
        ip("link set gz-switch up")
        for host, address in HOSTS.items():
            ip(f"netns add {host}")
            ip(f"link add {host} type veth peer name plug netns {host}")
            ip(f"link set {host} master gz-switch up")
            ip(f"-n {host} address add {address}/24 dev plug")
            for device in ("lo", "plug"):
                ip(f"-n {host} link set {device} up")
        yield
    finally:
        for host in HOSTS:
            subprocess.run(["ip", "netns", "delete", host], check=False)
        subprocess.run(["ip", "link", "delete", "gz-switch"], check=False)


@pytest.fixture
def hosts(network: None, tmp_path: Path) -> Iterator[None]:
    """A head without room for groups on this machine, and a node on each host, with a cache of its own."""
    pytest.importorskip("ray", reason="needs Ray: make soak installs it")
    ray = str(Path(sys.executable).with_name("ray"))
    common = ["--block", "--disable-usage-stats", f"--object-store-memory={80 << 20}"]
    head = [ray, "start", "--head", f"--node-ip-address={HEAD}", f"--port={PORT}", "--num-cpus=0"]
    commands = {"head": [*head, "--include-dashboard=false", *common]}
    for host, address in HOSTS.items():
        node = [ray, "start", f"--address={HEAD}:{PORT}", f"--node-ip-address={address}", "--num-cpus=1"]
        commands[host] = ["ip", "netns", "exec", host, *node, *common]
    started = []
    try:
        for name, command in commands.items():
            variables = {"GZSLBENCH_CACHE": str(tmp_path / f"cache-{name}"), "RAY_enable_worker_prestart": "0"}
            log = tmp_path / f"{name}.log"
            with log.open("wb") as out:
                started.append(subprocess.Popen(command, env=os.environ | variables, stdout=out, stderr=out))
            while "Ray runtime started" not in log.read_text():
                assert started[-1].poll() is None, log.read_text()
                time.sleep(0.1)
        yield
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(timeout=60)


@pytest.mark.timeout(1200)
def test_a_host_that_is_cut_off_costs_at_most_the_groups_that_it_had(hosts, tmp_path):
    command = [sys.executable, "-m", "gzslbench", "run", "-p", str(PLUGIN), "-d", "glyphs", "--protocol", "inductive"]
    command += ["--seeds", f"0-{GROUPS - 1}", "--no-track", "--executor", "ray", "--address", f"{HEAD}:{PORT}"]
    command += ["--jobs", "2", "--results", str(tmp_path / "results")]
    began_s = time.monotonic()
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    store = Store(tmp_path / "results")
    while len(list(store.folders())) < 4:
        assert driver.poll() is None, driver.communicate()
        time.sleep(0.1)
    ip("link set gz-two down")
    threading.Timer(CUT_S, ip, ["link set gz-two up"]).start()
    before = len(list(store.folders()))
    out, err = driver.communicate(timeout=1000)
    took_s = time.monotonic() - began_s
    assert driver.returncode == 0, err
    assert f"{GROUPS} done, 0 there already, 0 failed" in out
    assert len(list(store.folders())) == GROUPS
    print(f"\n{GROUPS} groups of 8 s on two hosts, one without network for {CUT_S} s after {before}: {took_s:.0f} s")
