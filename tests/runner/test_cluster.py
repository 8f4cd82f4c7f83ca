"""What is said of a cluster that can't be used, without one."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import pytest

from gzslbench.errors import UsageError
from gzslbench.runner import cluster as module
from gzslbench.runner.cluster import Cluster
from gzslbench.runner.node import Report, Share, versions
from gzslbench.runner.request import Request


@pytest.fixture
def port():
    """A port at which something listens that is not Ray, nor says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def fake_ray(port: int, *nodes: dict[str, float]) -> SimpleNamespace:
    """Ray as connected to a head at ``port`` and to nodes with these resources."""
    listed = [{"Alive": True, "NodeID": str(i), "NodeName": f"n{i}", "Resources": each} for i, each in enumerate(nodes)]
    context = SimpleNamespace(gcs_address=f"127.0.0.1:{port}")
    return SimpleNamespace(nodes=lambda: listed, get_runtime_context=lambda: context)


def test_an_address_at_which_nothing_answers_is_named(port):
    with pytest.raises(UsageError, match=r"^nothing answers at the address 127\.0\.0\.1:1 of a Ray cluster; see"):
        module._try_to_join("127.0.0.1:1")
    with pytest.raises(UsageError, match=r"nothing answers at the address no-such-host\.invalid:6379"):
        module._try_to_join("no-such-host.invalid:6379")
    with pytest.raises(UsageError, match="nothing answers at the address nonsense"):
        module._try_to_join("nonsense")
    with pytest.raises(UsageError, match="Ray's client"):
        module._try_to_join("ray://127.0.0.1:10001")


def test_something_else_at_the_address_is_given_up_on(port, monkeypatch):
    pytest.importorskip("ray", reason="needs Ray: pip install 'gzslbench[ray]'")
    monkeypatch.setattr(module, "JOINED_S", 0.5)
    with pytest.raises(UsageError, match=f"no Ray cluster could be joined at 127.0.0.1:{port} within"):
        module._try_to_join(f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request(device="cuda"), "no node of the Ray cluster has 1 CPU and 1 GPU"),
        (Request(device="cpu", threads=9), "no node of the Ray cluster has 9 CPUs"),
        (Request(device="cuda:1"), "--device cuda:1 is not for Ray, which chooses the GPU"),
    ],
)
def test_what_no_node_has_is_named(port, request_, said):
    with pytest.raises(UsageError, match=said):
        Cluster(fake_ray(port, {"CPU": 8.0}), "a:1").settle(request_)


def settled(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, request: Request, *reports: Report) -> Request:
    monkeypatch.setattr(Cluster, "_reports", lambda *_: list(reports))
    return cluster.settle(request)


def test_the_nodes_decide_device_precision_and_how_many_groups_run_at_once(port, monkeypatch):
    cluster = Cluster(fake_ray(port, {"CPU": 8.0, "GPU": 1.0}, {"CPU": 2.0, "GPU": 2.0}, {"CPU": 64.0}), "a:1")
    able = Report(versions(), True, True, "gpu: A")
    request = settled(cluster, monkeypatch, Request(gpus_per_group=0.25), able, able)
    assert (request.device, request.precision, request.jobs, request.seeds_together) == ("cuda", "bfloat16", 6, True)
    assert cluster.machine_class == "gpu: A"
    request = settled(cluster, monkeypatch, Request(gpus_per_group=0.25, jobs=3), able, Report(versions(), True))
    assert (request.precision, request.jobs) == ("float32", 3)


def test_a_head_that_is_gone_for_long_ends_the_run(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        cluster = Cluster(fake_ray(server.getsockname()[1], {"CPU": 1.0}), "a:1")
        cluster.check(Share(1))
    cluster.check(Share(1))  # it may come back
    monkeypatch.setattr(module, "WITHOUT_HEAD_S", 0)
    with pytest.raises(UsageError, match=r"the head node of the Ray cluster, 127\.0\.0\.1:[0-9]+, no longer answers"):
        cluster.check(Share(1))


def test_a_cluster_that_has_lost_its_nodes_for_long_ends_the_run(port, monkeypatch):
    ray = fake_ray(port, {"CPU": 1.0})
    cluster = Cluster(ray, "a:1")
    ray.nodes()[0]["Alive"] = False
    cluster.check(Share(1))
    monkeypatch.setattr(module, "WITHOUT_NODES_S", 0)
    with pytest.raises(UsageError, match="no node is left in the Ray cluster that has 1 CPU"):
        cluster.check(Share(1))


def lost(_: object, timeout: float) -> None:
    raise RuntimeError("the node is gone")


def test_a_node_that_is_lost_before_it_reports_is_left_out_and_one_that_can_not_is_named(port):
    ray = fake_ray(port, {"CPU": 1.0}, {"CPU": 1.0})
    ray.get, ray.exceptions = lost, SimpleNamespace(RayError=RuntimeError)
    ray.nodes()[0]["Alive"] = False
    first, second = ray.nodes()
    cluster = Cluster(ray, "a:1")
    assert cluster._report(first, None, 1.0) is None
    with pytest.raises(UsageError, match=r"the node n1 of the Ray cluster can't run gzslbench \(the node is gone\)"):
        cluster._report(second, None, 1.0)
