"""Searches on clusters of several machines: nodes of one process, and, where they are allowed, network namespaces."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from benchmarks.faults import machines, nodes
from benchmarks.faults.drivers import counted
from benchmarks.faults.searches import SMALL, Search, until
from benchmarks.faults.slow import PROGRAM

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A head with one CPU."""
    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield found
    found.shutdown()


@pytest.mark.long
def test_nodes_come_and_go_while_a_search_runs(tmp_path: Path, cluster: Cluster) -> None:
    """One joins and is used; it dies, and its trial goes on from its checkpoint."""
    search = Search(tmp_path, (*counted(3, 16)[:-2], *SMALL), PROGRAM, cluster.address, "off")
    process = search.start()
    assert until(lambda: search.lines() > 1 or process.poll() is not None, 100)
    node = cluster.add_node(num_cpus=1)
    assert until(lambda: nodes.running(search) == 2 or process.poll() is not None, 60)
    assert process.poll() is None
    time.sleep(6.5)  # until there is a checkpoint
    cluster.remove_node(node, allow_graceful=False)
    _, error = process.communicate(timeout=200)
    assert process.returncode == 0, error
    assert search.problems(3) == []
    assert nodes.failures(search) >= 1


needs_namespaces = pytest.mark.skipif(bool(machines.can_make()), reason=machines.can_make() or "-")


@needs_namespaces
@pytest.mark.long
def test_storage_that_a_machine_does_not_see_is_found_out_first(tmp_path: Path) -> None:
    found = nodes.blind(tmp_path)
    assert (found["status"], found["lines_of_error"], found["trials_begun"]) == (1, 1, 0), found
    assert found["names_the_machine"]


@needs_namespaces
@pytest.mark.long
def test_storage_that_a_machine_which_joins_does_not_see_ends_the_search(tmp_path: Path) -> None:
    found = nodes.late(tmp_path)
    assert (found["status"], found["lines_of_error"], found["names_the_machine"]) == (1, 1, True), found
    assert (found["problems"], found["epochs_lost"], found["failures_told"]) == ([], 0, 0), found


@needs_namespaces
@pytest.mark.long
def test_a_machine_that_is_killed_costs_nothing(tmp_path: Path) -> None:
    found = nodes.lost(tmp_path, "killed")
    assert (found["problems"], found["epochs_lost"]) == ([], 0)
    assert found["failures_told"] == 1


@needs_namespaces
@pytest.mark.long
@pytest.mark.skipif(bool(nodes.can_submit()), reason=nodes.can_submit() or "-")
def test_a_ray_job_brings_code_and_songs_along(tmp_path: Path) -> None:
    found = nodes.job(tmp_path)
    assert found["relative_runs_refused"]
    assert (found["status"], found["problems"]) == (0, [])
