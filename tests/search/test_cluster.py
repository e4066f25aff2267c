"""Which Ray a search runs on."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from midi_files import scale

from datamodules.errors import UserError
from experiments.search.machines import cluster
from experiments.search.machines.cluster import Cluster, Room
from experiments.search.opening import open_session, resume_plans
from experiments.tune import TuneOptions


def test_another_commands_private_ray_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    assert cluster._running_here() is None
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:6379\n")  # what `ray start` notes
    assert cluster._running_here() == "127.0.0.1:6379"


def test_an_address_where_nothing_is_ends_at_once() -> None:
    with pytest.raises(UserError, match="nothing answers there"), cluster.connected("127.0.0.1:1"):
        pass


@pytest.mark.parametrize("address", ["a..b:1234", f"{'x' * 70}.org:1234", f"127.0.0.1:{10**30}", "127.0.0.1:²"])
def test_an_address_that_is_none_is_one_line(address: str) -> None:
    with pytest.raises(UserError, match="nothing answers there") as raised, cluster.connected(address):
        pass
    assert str(raised.value).startswith(f"--address {address}: ")


def test_an_address_of_the_environment_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise ValueError("of another version")

    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(UserError, match=r"^RAY_ADDRESS 127\.0\.0\.1:1: nothing answers"), cluster.connected(None):
        pass
    with pytest.raises(UserError, match=r"^--address 127\.0\.0\.1:2: nothing"), cluster.connected("127.0.0.1:2"):
        pass
    monkeypatch.delenv("RAY_ADDRESS")
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("x")
    monkeypatch.setattr(cluster.ray, "init", refuse)
    with pytest.raises(UserError, match=r"^the Ray noted as running here, x: of another"), cluster.connected(None):
        pass


def nodes(monkeypatch: pytest.MonkeyPatch, *resources: dict[str, float]) -> list[dict[str, Any]]:
    """A cluster of these nodes; the list can be changed. Every look is a fresh one."""
    found = [{"Alive": True, "Resources": each} for each in resources]
    monkeypatch.setattr(cluster.ray, "nodes", lambda: found)
    monkeypatch.setattr(Room, "LOOK_EVERY", -1.0)
    return found


def of(*, own: bool) -> Cluster:
    return Cluster("the cluster", 5.0, 1.0, own)


def test_a_trial_runs_on_one_node(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes(monkeypatch, {"CPU": 3.0}, {"CPU": 2.0, "GPU": 1.0}, {"memory": 1e9})
    assert Room(of(own=True), 1, 0, None)() == 5
    assert Room(of(own=True), 2, 0, None)() == 2  # not 5 // 2: no trial is spread over two nodes
    assert Room(of(own=True), 0.5, 0.25, None)() == 4
    assert Room(of(own=True), 1, 0, 3)() == 3
    with pytest.raises(UserError, match="asks for 4 CPUs and 0 GPUs on one node"):
        Room(of(own=False), 4, 0, None)


def test_gpus_are_shared_out_by_how_many_trials_come(monkeypatch: pytest.MonkeyPatch) -> None:
    found = nodes(monkeypatch, {"CPU": 16.0, "GPU": 4.0}, {"CPU": 16.0, "GPU": 4.0})
    room = Room(of(own=True), 1, None, None)
    assert room() == 32
    assert (room.take(64), room()) == (0.25, 32)
    assert (room.take(8), room()) == (1.0, 8)
    assert (room.take(9), room()) == (0.5, 16)
    assert Room(of(own=True), 1, None, 4).take(64) == 1.0
    assert Room(of(own=False), 1, None, 16).take(64) == 0.5
    assert Room(of(own=True), 1, 0.1, None).take(2) == 0.1  # the user's own
    assert Room(of(own=True), 1, 0, None).take(2) == 0
    found[:] = [{"Alive": True, "Resources": {"CPU": 8.0}}]
    assert room.take(3) == 0.5  # they wait for GPUs to come back
    assert Room(of(own=True), 1, None, None).take(3) == 0


def test_room_grows_and_shrinks_with_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    found = nodes(monkeypatch, {"CPU": 2.0})
    room = Room(of(own=False), 1, 0, None)
    assert room() == 2
    found.append({"Alive": True, "Resources": {"CPU": 4.0}})
    assert room() == 6
    found[0]["Alive"] = False
    assert room() == 4
    found.clear()
    assert room() == 1  # the search waits for a node; it does not end


def test_trials_can_wait_for_nodes_to_come_where_they_can_come(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes(monkeypatch, {"CPU": 2.0})
    asked = Room(of(own=False), 1, 0, 8)
    assert (asked(), asked.waits_for_nodes) == (8, True)
    ours = Room(of(own=True), 1, 0, 8)
    assert (ours(), ours.waits_for_nodes) == (2, False)
    nodes(monkeypatch)  # a head that trains nothing, as a cluster that grows by itself begins with
    assert Room(of(own=False), 1, 0, 8)() == 8
    with pytest.raises(UserError, match="--max-concurrent"):
        Room(of(own=False), 1, 0, None)


def test_a_ray_job_keeps_its_runs_where_they_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(cluster.JOB, "{}")
    monkeypatch.setenv("TRITONE_RUNS", "runs")
    with pytest.raises(UserError, match="absolute path"):
        open_session(TuneOptions(head="offsets"))
    with pytest.raises(UserError, match="absolute path"):
        resume_plans("a", None, None)
    with pytest.raises(UserError, match="no run a"):
        resume_plans("a", tmp_path, None)
    with pytest.raises(UserError, match="no run /shared/a"):  # the path says where it is
        resume_plans("/shared/a", None, None)


def test_a_command_line_that_ray_cannot_take_is_told_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A path is bytes, which Python gives as text that is none."""
    song = tmp_path / os.fsdecode(b"caf\xe9.mid")
    song.write_bytes(scale(1, 40))
    monkeypatch.setattr(sys, "argv", ["tune", "offsets", str(song)])
    for search in (
        lambda: open_session(TuneOptions(head="offsets", songs=(song,), name="a")),
        lambda: resume_plans("a", None, None),
    ):
        with pytest.raises(UserError, match=r"caf\\udce9\.mid: is not UTF-8.* name the folder"):
            search()
    assert not (tmp_path / "runs").exists()
    monkeypatch.setattr(sys, "argv", ["tune", "offsets", str(tmp_path)])
    run, dataset, _ = open_session(TuneOptions(head="notes", songs=(tmp_path,), name="a"))
    assert (run.path.name, len(dataset.songs)) == ("a", 1)


def listening() -> set[tuple[str, str]]:
    """(address, port) of all sockets of this machine that listen, as the kernel writes them."""
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    found = [tuple(words[1].rsplit(":", 1)) for words in lines if len(words) > 3 and words[3] == "0A"]
    return {(address, port) for address, port in found}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux")
def test_a_ray_of_our_own_listens_to_this_machine_alone_and_wants_a_token() -> None:
    before = listening()
    with cluster.connected("local") as own:
        found = listening() - before
        assert own.own
        assert os.environ["RAY_AUTH_MODE"] == "token"
    assert len(found) > 2
    loopback = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")
    assert {address for address, _ in found} <= set(loopback)
