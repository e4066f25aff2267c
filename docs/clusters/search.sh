#!/usr/bin/env bash
# Begin a search, or go on with it where its run is there already: what a queue or an operator starts again ends where
# it would have without the break.
#
#   RUN=/shared/runs/first bash docs/clusters/search.sh notes --trials 64
#
# RUN is the run's folder, an absolute path that outlives the job. The rest are arguments of `tune`, but for --runs and
# --name, which RUN gives; they count when the search begins, and are taken from the run afterwards. Only --storage is
# given again: a run's own word is not enough to write to another place.
set -euo pipefail
: "${RUN:?is to be the folder of the run, an absolute path}"

if compgen -G "$RUN/*/study.journal" >/dev/null; then
    again=()
    for ((number = 1; number < $#; number++)); do
        [[ ${!number} != --storage ]] || again=(--storage "${@:number+1:1}")
    done
    exec python -m experiments.tune --resume "$RUN" ${again[@]+"${again[@]}"}
fi
exec python -m experiments.tune "$@" --runs "$(dirname "$RUN")" --name "$(basename "$RUN")"
