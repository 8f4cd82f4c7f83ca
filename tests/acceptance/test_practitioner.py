"""Does exactly what the README tells someone with images and descriptions of classes to do."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

REPOSITORY = Path(__file__).parents[2]
COMMANDS = re.compile(r"<!-- run -->\n```console\n(?P<text>.*?)```", re.DOTALL)
EXTRACT = re.compile(r"^\$ (gzslbench data extract .*)$", re.MULTILINE)
ENCODE = """
import sys
import numpy as np
from PIL import Image
from gzslbench.cli.main import main
from gzslbench.data import backbones, extracting

def encode(items):
    return np.array([np.asarray(Image.open(item).resize((6, 6))).ravel() for item in items], np.float32)

extracting.load_backbone = lambda name, *_: backbones.Backbone(name, f"{name}, made for this test", encode)
main(sys.argv[1:])
"""
"""The command with pixels in place of a network, whose weights are not to be had everywhere."""


def section() -> str:
    text = (REPOSITORY / "README.md").read_text()
    return text[text.index("## Which method for my data?") : text.index("## Why")]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twelve pictures of each of twelve classes: a coloured stripe, described by its colour, place and width."""
    from PIL import Image

    rng = np.random.default_rng(0)
    lines = ["name,red,green,blue,place,width"]
    for number in range(12):
        about = rng.uniform(size=5)
        lines.append(f"stripe-{number}," + ",".join(f"{value:.3f}" for value in about))
        folder = tmp_path / "photos" / f"stripe-{number}"
        folder.mkdir(parents=True)
        first = int(16 * about[3])
        for picture in range(12):
            pixels = rng.integers(0, 60, (24, 24, 3))
            pixels[:, first : first + 2 + int(6 * about[4])] += (180 * about[:3]).astype(int)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{picture}.png")
    (tmp_path / "classes.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_the_ten_minutes_work_as_written(photos: Path) -> None:
    environment = {**os.environ, "GZSLBENCH_CACHE": str(photos / "cache"), "OMP_NUM_THREADS": "1"}

    def say(command: str, *program: str) -> str:
        words = [*program, *shlex.split(command)[1:]]
        done = subprocess.run(words, cwd=photos, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    (extract,) = EXTRACT.findall(section())
    made = say(extract, sys.executable, "-c", ENCODE)
    assert "144 samples of 108 dimensions, 12 classes, 5-d semantics" in made
    assert "backbone: torchvision:resnet101, made for this test" in made
    lines = [line for block in COMMANDS.finditer(section()) for line in block["text"].splitlines()]
    outputs = {line: say(line.removeprefix("$ "), sys.executable, "-m", "gzslbench") for line in lines}
    assert len(outputs) == 4
    run, leaderboard, compared = list(outputs.values())[1:]
    assert "0 failed" in run
    assert all(name in leaderboard for name in ("ridge-prototype", "sae", "random", "H calibrated"))
    assert "ridge-prototype" in compared
