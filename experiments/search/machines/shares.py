"""What part of a GPU a trial takes: as large a one as leaves room for all trials that can train at once.

Ray puts trials that take a part of a GPU onto the first GPU that has it left, and would leave others idle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Node", "held", "share_of"]

MOST = 4  # trials on a GPU, by default: small networks leave most of one idle
STEPS = 10_000  # in a GPU: Ray counts so fine, and rounds


class Node(NamedTuple):
    """What a machine of a cluster has for trials."""

    cpus: float
    gpus: float


def held(node: Node, cpus: float, gpus: float) -> int:
    """How many trials a machine holds that take so much each; a part of a GPU is of one GPU.

    Args:
        cpus: above 0.
        gpus: 0 or more.
    """
    by_cpus = _times(node.cpus, cpus)
    if gpus <= 0:
        return by_cpus
    whole = math.floor(node.gpus)
    by_gpus = whole * _times(1, gpus) + _times(node.gpus - whole, gpus) if gpus < 1 else _times(node.gpus, gpus)
    return min(by_cpus, by_gpus)


def share_of(nodes: Sequence[Node], cpus: float, trials: int) -> float:
    """The largest of a whole GPU, a half, a third and a quarter that keeps no trial waiting which a quarter would not.

    Args:
        nodes: of the cluster by now.
        cpus: of a trial.
        trials: how many there are to train at the same time, at most.

    Returns:
        0 where no machine has a GPU.
    """
    if not any(node.gpus > 0 for node in nodes):
        return 0.0
    shares = [
        math.floor(STEPS / number) / STEPS for number in range(1, MOST + 1)
    ]  # rounded up, three thirds are no whole
    rooms = [sum(held(node, cpus, share) for node in nodes) for share in shares]
    wanted = max(min(trials, rooms[-1]), 1)
    return next((share for share, room in zip(shares, rooms, strict=True) if room >= wanted), shares[-1])


def _times(whole: float, part: float) -> int:
    return math.floor(whole / part + 1e-9)
