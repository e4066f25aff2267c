"""Whether all nodes of a cluster reach the storage, found out before the first trial: a path can mean another disk."""

from __future__ import annotations

import uuid

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from datamodules.errors import UserError
from experiments.search.storage import TrialStore

__all__ = ["check_storage"]

PATIENCE = 60.0  # seconds that a node has to answer; one that does not is busy or going, and no reason to stop


def check_storage(root: str) -> None:
    """Write to the storage, and let each node that could run a trial read what was written.

    Raises:
        UserError: it cannot be written, or a node does not see it.
    """
    store, name = TrialStore(root), f".probe-{uuid.uuid4().hex}"
    store.leave(name)
    try:
        blind = _blind(root, name)
    finally:
        store.remove(name)
    if blind:
        raise UserError(
            f"--storage {root}: {', '.join(blind)} cannot see it; give a place that all nodes reach,"
            " as a shared folder or s3://bucket/folder",
            status=1,
        )


def _blind(root: str, name: str) -> list[str]:
    """The addresses of the nodes that lack a file."""
    here = ray.get_runtime_context().get_node_id()
    others = {
        node["NodeID"]: node["NodeManagerAddress"]
        for node in ray.nodes()
        if node["Alive"] and node["NodeID"] != here and node["Resources"].get("CPU", 0) > 0
    }
    task = ray.remote(num_cpus=0, max_retries=0)(_sees)
    asked = {
        task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(root, name): address
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


def _sees(root: str, name: str) -> bool:
    return TrialStore(root).has(name)
