#!/usr/bin/env bash
# Begin a search, or go on with it where its run is there already: what a queue or an operator starts again ends where
# it would have without the break.
#
#   RUN=/shared/runs/first bash docs/clusters/search.sh notes --trials 64
#
# RUN is the run's folder, an absolute path that outlives the job. The rest are arguments of `tune`, but for --runs and
# --name, which RUN gives; they count when the search begins, and are taken from the run afterwards. Only --address,
# --space and --storage are given again: a run's own word is not enough to connect to a cluster, to run code, or to
# write to another place. So they stand here, and not in a file of --config.
set -euo pipefail
: "${RUN:?is to be the folder of the run, an absolute path}"

if compgen -G "$RUN/*/study.journal" >/dev/null; then
    again=()
    while (($#)); do
        case $1 in
            --address | --space | --storage) again+=("${@:1:2}") ;;
            --address=* | --space=* | --storage=*) again+=("$1") ;;
        esac
        shift
    done
    exec python -m experiments.tune --resume "$RUN" ${again[@]+"${again[@]}"}
fi
exec python -m experiments.tune "$@" --runs "$(dirname "$RUN")" --name "$(basename "$RUN")"
