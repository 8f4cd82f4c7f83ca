"""A Ray cluster: joining it, and what its nodes have. Needs the extra ``gzslbench[ray]``.

What is wrong with a cluster is said in one sentence, and every wait has a bound: Ray itself waits for minutes for what
does not answer.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gzslbench.errors import UsageError, counted
from gzslbench.runner.node import Report, Share, differing, report, versions
from gzslbench.runner.request import AUTO, Request
from gzslbench.text import one_line

LOCAL = "local"
REACHED_S, JOINED_S, ANSWERED_S = 5.0, 60.0, 180.0
"""How long to wait for a connection, for Ray to join the cluster by it, and for nodes to start a process and answer."""
WITHOUT_HEAD_S, WITHOUT_NODES_S = 20.0, 120.0
"""How long the head node may be out of reach, and how long a cluster may lack every node that could run a group."""


@contextmanager
def joined(address: str | None) -> Iterator[Cluster]:
    """Join the cluster at an address, without one that of ``RAY_ADDRESS``, or else one of this machine alone.

    Raises :class:`UsageError` where there is none, or where Ray is not installed.
    """
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # Ray would print what it sees of lost nodes among results
    try:
        import ray
    except ImportError:
        raise UsageError("--executor ray needs Ray", "install it with: pip install 'gzslbench[ray]'") from None
    address = address or os.environ.get("RAY_ADDRESS") or LOCAL
    if address == LOCAL:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(LOCAL, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    else:
        _try_to_join(address)
        ray.init(address, log_to_driver=False, logging_level="ERROR")
    try:
        yield Cluster(ray, address)
    finally:
        ray.shutdown()


def _try_to_join(address: str) -> None:
    """Raise :class:`UsageError` where a cluster can't be joined, as a process finds that can be ended."""
    remedy = "see that 'ray status' finds it on this machine, which must be one of its nodes"
    if address.startswith("ray://"):
        raise UsageError(f"{address} is for Ray's client, which can't stream results", "run on a node of the cluster")
    if address != "auto" and not _reached(address):
        raise UsageError(f"nothing answers at the address {address} of a Ray cluster", remedy)
    code = "import ray, sys; ray.init(sys.argv[1], log_to_driver=False, logging_level='ERROR')"
    try:
        trial = subprocess.run(
            [sys.executable, "-c", code, address], capture_output=True, text=True, timeout=JOINED_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"no Ray cluster could be joined at {address} within {JOINED_S:.0f} s", remedy) from None
    if trial.returncode:
        said = trial.stderr.strip().splitlines()
        why = f": {one_line(said[-1])[:300]}" if said else ""
        raise UsageError(f"the Ray cluster at {address} can't be joined{why}", remedy)


def _reached(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), REACHED_S).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True


def share_of(request: Request, device: str) -> Share:
    return Share(request.threads, (request.gpus_per_group or 1.0) if device == "cuda" else 0.0)


class Cluster:
    """A cluster that this process has joined."""

    def __init__(self, ray: Any, address: str) -> None:
        self.ray, self.is_local = ray, address == LOCAL
        self.machine_class = ""
        self._head = ray.get_runtime_context().gcs_address
        self._sound_s = time.monotonic()

    def settle(self, request: Request) -> Request:
        """Decide device, precision and how many groups run at once by what the nodes have.

        Raises :class:`UsageError` where no node can run a group, or where one that could has other versions.
        """
        device = request.device
        if device == AUTO:
            device = "cuda" if any(node["Resources"].get("GPU") for node in self.nodes()) else "cpu"
        if device not in ("cpu", "cuda"):
            raise UsageError(f"--device {device} is not for Ray, which chooses the GPU", "use cpu, cuda or auto")
        share = share_of(request, device)
        candidates = self.nodes(share)
        reports = self._reports(candidates, device) if candidates else []
        nodes = self.nodes(share)  # without those that were lost meanwhile
        if not reports or not nodes:
            raise UsageError(f"no node of the Ray cluster has {share}, as a group takes", "add a node, or ask for less")
        self.machine_class = reports[0].machine_class
        slots = sum(share.times_in(node["Resources"]) for node in nodes)
        print(f"Ray: {counted(len(nodes), 'node')}, {counted(slots, 'group')} at once", file=sys.stderr)
        return request.settled(device, all(each.has_bfloat16 for each in reports), slots)

    def nodes(self, share: Share | None = None) -> list[dict[str, Any]]:
        """List the nodes that are alive and, with a share, could run a group."""
        alive = [node for node in self.ray.nodes() if node["Alive"]]
        return [node for node in alive if share is None or share.times_in(node["Resources"])]

    def check(self, share: Share) -> None:
        """Raise :class:`UsageError` where the head, or each node that could run a group, has been gone for too long."""
        if not _reached(self._head):
            gone, limit_s = f"the head node of the Ray cluster, {self._head}, no longer answers", WITHOUT_HEAD_S
        elif not self.nodes(share):
            gone, limit_s = f"no node is left in the Ray cluster that has {share}", WITHOUT_NODES_S
        else:
            self._sound_s = time.monotonic()
            return
        if time.monotonic() - self._sound_s > limit_s:
            raise UsageError(gone, "bring it back and run the same command again: finished cells are kept")

    def _reports(self, nodes: Sequence[dict[str, Any]], device: str) -> list[Report]:
        """Have nodes report on themselves, from processes such as groups run in."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        gpus = 0.001 if device == "cuda" else 0  # a process sees a GPU only where it takes some of it
        asking = self.ray.remote(num_cpus=0, num_gpus=gpus)(report)
        asked = []
        for node in nodes:
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            asked.append((node, asking.options(scheduling_strategy=there).remote(device)))
        until = time.monotonic() + ANSWERED_S
        reports = [self._report(node, answer, until - time.monotonic()) for node, answer in asked]
        return [each for each in reports if each]

    def _report(self, node: dict[str, Any], answer: Any, timeout_s: float) -> Report | None:
        """Wait for a report and compare it with this machine; None where the node is lost meanwhile."""
        name = f"the node {node['NodeName']} of the Ray cluster"
        try:
            told: Report = self.ray.get(answer, timeout=max(timeout_s, 1.0))
        except self.ray.exceptions.RayError as error:
            if node["NodeID"] not in [each["NodeID"] for each in self.nodes()]:
                return None
            why = one_line(str(getattr(error, "cause", None) or error))[:300]
            raise UsageError(f"{name} can't run gzslbench ({why})", "install the same version there") from None
        if difference := differing(told.versions, versions()):
            raise UsageError(f"{name} {difference}", "install the same version on all nodes")
        if not told.has_device:
            raise UsageError(f"torch finds no GPU on {name}", "install a CUDA build there, or use --device cpu")
        return told
