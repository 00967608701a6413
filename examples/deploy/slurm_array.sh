#!/bin/bash
# A table of runs in eight parts: sbatch examples/deploy/slurm_array.sh
#
# Every part has a workdir and a ledger of its own, on a disk of the node: SQLite must not be on a
# shared file system. Pin the nodes, or copy the workdir, so that a part finds it after a requeue.
# All parts need the same teacher: see "How a table runs" in docs/tables.md.
#SBATCH --job-name=amkd
#SBATCH --array=1-8
#SBATCH --ntasks=1 --cpus-per-task=8 --mem=16G --time=12:00:00
#SBATCH --requeue --open-mode=append
# Two minutes before the end: the run saves its state, and ends with status 75.
#SBATCH --signal=TERM@120
set -u
workdir="/local/$USER/table1-$SLURM_ARRAY_TASK_ID"
# Since Slurm 22.05, srun does not take over --cpus-per-task.
export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK

srun amkd --config=tables/table1 --shard="$SLURM_ARRAY_TASK_ID/8" --workdir="$workdir" --log=json
status=$?
if [ "$status" -eq 75 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
