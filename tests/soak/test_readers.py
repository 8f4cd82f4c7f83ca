"""Every reader of foreign bytes meets damaged and hostile files: it reads them, or refuses them in a sentence.

Five seconds each, or ten minutes with ``GZSLBENCH_SOAK=1``. What was found is in ``found``, and read in any case.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import readers

SOAK = "GZSLBENCH_SOAK" in os.environ
SECONDS = 600 if SOAK else 5
FOUND = Path(__file__).parent / "found"

Ended = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def soaks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Ended]]]:
    """Soak all readers, as many at once as there are cores."""
    seed = int(time.time()) if SOAK else 0
    place = tmp_path_factory.mktemp("soak")

    def soak(name: str) -> Ended:
        asked = [name, str(SECONDS), str(seed), str(place / name.replace(" ", "-"))]
        return subprocess.run([sys.executable, readers.__file__, *asked], capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {name: pool.submit(soak, name) for name in readers.READERS}
        pool.shutdown(cancel_futures=True)


@pytest.mark.slow
@pytest.mark.timeout(60 + 20 * SECONDS)
@pytest.mark.parametrize("name", readers.READERS)
def test_only_errors_of_ours_come_out_of_a_reader(soaks, name):
    ended = soaks[name].result()
    assert ended.returncode == 0, f"{ended.args}: {ended.returncode}\n{ended.stderr[-10_000:]}"
    print(f"\n{name}: {ended.stdout.strip()} files")
    assert int(ended.stdout) > 10


@pytest.mark.parametrize("path", sorted(FOUND.glob("*/*")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_was_found_is_read_or_refused(tmp_path, path):
    name, _, content = path.read_bytes().partition(b"\n")
    readers.read_once(readers.READERS[path.parent.name], tmp_path, name.decode(), content)
