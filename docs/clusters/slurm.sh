#!/usr/bin/env bash
# A search on the nodes of a Slurm job. In a clone on a file system that all nodes share, its dependencies in .venv:
#
#   RUN=$PWD/runs/first sbatch docs/clusters/slurm.sh
#
# The same line again goes on with the run, as does a job that Slurm puts back in its queue. To end a search early with
# its best so far: scancel --batch --signal=TERM JOB
#
#SBATCH --job-name=tritone
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
#SBATCH --no-kill
#SBATCH --open-mode=append
#SBATCH --output=tritone-%j.log
#
# Two minutes before the time is over the search is told, and ends by itself. --no-kill: a node that fails takes its own
# trials with it, which go on elsewhere, and not the job. With GPUs, add --gpus-per-node.
set -euo pipefail
: "${RUN:?is to be the folder of the run, on the file system that the nodes share}"
# shellcheck source=/dev/null
. "${VENV:-.venv}/bin/activate"

# Others who work on these nodes reach Ray's ports; only who has this job's token is let in.
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token
export RAY_TMPDIR=/tmp/tritone-$SLURM_JOB_ID  # /tmp/ray may belong to somebody else
export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK  # which srun does not take over from sbatch

address=$(hostname -I | awk '{print $1}')  # where nodes have several, choose the one that they see each other by
port=$((20000 + SLURM_JOB_ID % 10000))
ray start --head --node-ip-address="$address" --port="$port" --num-cpus="$SLURM_CPUS_PER_TASK" \
    --include-dashboard=false --disable-usage-stats
for node in $(scontrol show hostnames "$SLURM_JOB_NODELIST"); do
    if [ "$node" != "$SLURMD_NODENAME" ]; then
        srun --nodes=1 --ntasks=1 --nodelist="$node" \
            ray start --address="$address:$port" --num-cpus="$SLURM_CPUS_PER_TASK" --disable-usage-stats --block &
    fi
done

RAY_ADDRESS=$address:$port bash docs/clusters/search.sh notes --trials 256 --max-failures 10 &
search=$!
trap 'trap "" TERM; kill -TERM "$search" || true' TERM
status=0
wait "$search" || status=$?
if ((status > 128)); then  # a signal ended the wait, and not the search
    status=0
    wait "$search" || status=$?
fi
exit "$status"
