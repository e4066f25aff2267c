"""What part of a GPU a trial takes by default: no GPU idle while trials share another, and no trial waiting for it."""

from __future__ import annotations

import itertools

import pytest

from experiments.search.machines.shares import Node, held, share_of

ONE = (Node(64, 8),)
LEAST = 0.25


@pytest.mark.parametrize(
    ("nodes", "cpus", "trials", "share"),
    [
        (ONE, 1, 64, 0.25),
        (ONE, 1, 32, 0.25),
        (ONE, 1, 24, 0.3333),  # three of them fit on one: Ray would round a third up
        (ONE, 1, 9, 0.5),
        (ONE, 1, 8, 1.0),
        (ONE, 1, 4, 1.0),
        ((Node(4, 8),), 1, 64, 1.0),  # no more than four have a CPU
        (ONE, 8, 64, 1.0),
        ((Node(64, 1),), 1, 3, 0.3333),
        ((Node(8, 1), Node(8, 1), Node(8, 1)), 1, 4, 0.5),  # with 3/4 a machine would hold one, and the fourth wait
        ((Node(2, 0), Node(8, 2)), 1, 2, 1.0),
        ((Node(64, 0.5),), 1, 64, 0.25),
        ((Node(64, 0.5),), 1, 1, 0.5),
        ((Node(1, 1),), 2, 8, 0.25),  # no machine holds one: told as it would be asked for
        ((Node(64, 0),), 1, 8, 0.0),
        ((), 1, 8, 0.0),
    ],
)
def test_the_share(nodes: tuple[Node, ...], cpus: float, trials: int, share: float) -> None:
    assert share_of(nodes, cpus, trials) == share


def test_all_train_that_would_with_the_least_and_a_larger_share_would_keep_one_waiting() -> None:
    machines = [Node(cpus, gpus) for cpus in (1, 3, 16) for gpus in (0, 1, 2, 5)]
    for nodes, trials, cpus in itertools.product(itertools.combinations(machines, 2), (1, 2, 5, 9, 40), (0.5, 1, 2)):
        share = share_of(nodes, cpus, trials)
        if not any(node.gpus for node in nodes):
            assert share == 0
            continue
        wanted = min(trials, sum(held(node, cpus, LEAST) for node in nodes))
        assert LEAST <= share <= 1
        assert sum(held(node, cpus, share) for node in nodes) >= wanted
        larger = [other for other in (0.3333, 0.5, 1.0) if other > share and wanted]
        assert all(sum(held(node, cpus, other) for node in nodes) < wanted for other in larger)


def test_a_part_of_a_gpu_is_of_one() -> None:
    assert held(Node(64, 2), 1, 0.4) == 4  # not 5
    assert held(Node(64, 3), 1, 0.75) == 3
    assert held(Node(64, 3), 1, 1) == 3
    assert held(Node(64, 3), 1, 2) == 1
    assert held(Node(64, 1), 1, 0.3333) == 3
    assert held(Node(64, 0), 1, 0.25) == 0
    assert held(Node(3, 0), 0.5, 0) == 6
