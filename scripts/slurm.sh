#!/bin/bash
#SBATCH --job-name=gzslbench
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --time=24:00:00
# Runs gzslbench on all nodes of an allocation, as one Ray cluster; what follows the script are options of
# 'gzslbench run': sbatch --nodes=8 scripts/slurm.sh --plugin gsmflow --all-datasets
# Submitted again after it ran out of time, it goes on with what is missing.
set -euo pipefail
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n 1p)
address=$head:$((20000 + SLURM_JOB_ID % 10000)) # a port of its own where jobs share nodes
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=${RAY_AUTH_TOKEN:-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')} # keeps others out
srun ray symmetric-run --address "$address" --min-nodes "$SLURM_JOB_NUM_NODES" -- \
    gzslbench run --executor ray --address "$address" "$@"
