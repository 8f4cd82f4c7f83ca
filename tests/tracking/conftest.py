"""Servers on loopback: PostgreSQL, MLflow, and a store of objects that speaks S3."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=None)
USER = "postgres" if os.name == "posix" and os.geteuid() == 0 else None  # PostgreSQL refuses to be run by root


Serve = Callable[..., AbstractContextManager[str]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _postgres(program: str, *arguments: object) -> None:
    assert PROGRAMS is not None
    command = [PROGRAMS.parent / program, *map(str, arguments)]
    subprocess.run(command, check=True, user=USER, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def databases() -> Iterator[dict[str, str]]:
    """Three empty databases of a PostgreSQL server, by name."""
    if PROGRAMS is None:
        pytest.skip("needs PostgreSQL: apt install postgresql")
    folder, port = Path(tempfile.mkdtemp(prefix="gzslbench-pg-")), free_port()
    if USER:
        shutil.chown(folder, USER)
    data = folder / "data"
    try:
        _postgres("initdb", "-D", data, "-U", "gzslbench", "--auth=trust", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        _postgres("pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        names = ("served", "direct", "pulled")
        for name in names:
            _postgres("createdb", "-h", "127.0.0.1", "-p", port, "-U", "gzslbench", name)
        yield {name: f"postgresql+psycopg2://gzslbench@127.0.0.1:{port}/{name}" for name in names}
        _postgres("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database: of PostgreSQL, or SQLite where there is none."""
    return request.getfixturevalue("databases")["pulled"] if PROGRAMS else f"sqlite:///{tmp_path / 'server.db'}"


@contextmanager
def _mlflow_server(folder: Path, database: str, artifacts: str, **variables: str) -> Iterator[str]:
    """Run a server that takes artifacts itself, wherever it puts them; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    settings = {
        "MLFLOW_BACKEND_STORE_URI": database,
        "MLFLOW_ARTIFACTS_DESTINATION": artifacts,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        **variables,
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait()


@pytest.fixture(scope="session")
def mlflow_server() -> Serve:
    return _mlflow_server


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path, limit_s: float = 240) -> None:
    end = time.monotonic() + limit_s
    while time.monotonic() < end and process.poll() is None:
        try:
            return urllib.request.urlopen(address, timeout=2).close()
        except OSError:
            time.sleep(0.5)
    raise RuntimeError(f"MLflow's server did not start: {log.read_text()}")
