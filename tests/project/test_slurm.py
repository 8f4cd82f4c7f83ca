"""The script for SLURM, with stand-ins for SLURM's commands."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from gzslbench.cli.run import run

SCRIPT = Path(__file__).parents[2] / "scripts" / "slurm.sh"
STAND_INS = {
    "scontrol": 'test "$*" = "show hostnames node[1-2]" && printf "node1\\nnode2\\n"',
    "srun": 'printf "%s\\n" "$RAY_AUTH_MODE" "$RAY_AUTH_TOKEN" "$@"',
}


def test_the_script_starts_ray_on_all_nodes_and_a_run_on_the_first(tmp_path):
    for name, body in STAND_INS.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    allocation = {"SLURM_JOB_ID": "712345", "SLURM_JOB_NODELIST": "node[1-2]", "SLURM_JOB_NUM_NODES": "2"}
    done = subprocess.run(
        ["bash", SCRIPT, "--plugin", "a b", "--seeds", "0"],
        env=os.environ | allocation | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    mode, token, *command = done.stdout.splitlines()
    assert mode == "token"
    assert len(token) == 32
    at = command.index("--")
    assert command[:at] == ["ray", "symmetric-run", "--address", "node1:22345", "--min-nodes", "2"]
    assert command[at + 1 : at + 3] == ["gzslbench", "run"]
    chosen = run.make_context("run", command[at + 3 :], auto_envvar_prefix=None).params
    assert (chosen["executor"], chosen["address"], chosen["plugins"]) == ("ray", "node1:22345", ("a b",))
    assert len(SCRIPT.read_text().splitlines()) <= 20
