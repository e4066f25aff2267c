"""Whether all nodes of a cluster reach the storage, found out before the first trial: a path can mean another disk."""

from __future__ import annotations

from collections.abc import Sequence

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from experiments.search.plan import EndedError
from experiments.search.trial.storage import TrialStore

__all__ = ["check_storage", "not_seen"]

PATIENCE = 60.0  # seconds that a node has to answer; one that does not is busy or going, and no reason to stop


def check_storage(root: str, sign: str) -> None:
    """Mark the storage with a sign of this driver's own, and let each node that could run a trial look for it.

    A node that joins later is found out by its first trial, which looks for the sign too.

    Raises:
        EndedError: it cannot be written, or a node does not see it.
    """
    TrialStore(root).mark(sign)
    if blind := _blind(root, sign):
        raise EndedError(not_seen(root, blind), status=1)


def not_seen(root: str, addresses: Sequence[str]) -> str:
    """What is wrong, and what to do."""
    return (
        f"--storage {root}: {', '.join(addresses)} cannot see it; give a place that all nodes reach,"
        " as a shared folder or s3://bucket/folder"
    )


def _blind(root: str, sign: str) -> list[str]:
    """The addresses of the nodes that do not see the sign."""
    here = ray.get_runtime_context().get_node_id()
    others = {
        node["NodeID"]: node["NodeManagerAddress"]
        for node in ray.nodes()
        if node["Alive"] and node["NodeID"] != here and node["Resources"].get("CPU", 0) > 0
    }
    task = ray.remote(num_cpus=0, max_retries=0)(_sees)
    asked = {
        task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(root, sign): address
        for node, address in others.items()
    }
    answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=PATIENCE) if asked else ([], [])
    return sorted(asked[answer] for answer in answered if not _said(answer))


def _said(answer: ray.ObjectRef) -> bool:
    """What a node said; one that has gone meanwhile runs no trial, and does not count."""
    try:
        return bool(ray.get(answer))
    except ray.exceptions.RayError:
        return True


def _sees(root: str, sign: str) -> bool:
    return TrialStore(root).is_marked(sign)
