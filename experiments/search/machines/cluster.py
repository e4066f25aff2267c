"""The Ray cluster that a search runs on: the one that is there, or one of our own that goes when we go."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ray
from ray._private import ray_constants  # the one switch that has no argument

from datamodules.corpus.finding import printable
from datamodules.errors import UserError, first_line
from experiments.search.machines.shares import Node, held, share_of
from experiments.search.plan import EndedError

__all__ = ["Cluster", "Room", "check_words", "connected", "in_a_job"]

SWITCH = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"  # what Ray's job manager sets for a job's command
PACKAGES = ("datamodules", "lightning_modules", "search_spaces", "experiments", "songs")


@dataclass(frozen=True)
class Cluster:
    """What a search needs to know of its cluster."""

    label: str
    cpus: float
    gpus: float
    own: bool


class Room:
    """How many trials run at the same time: what the nodes hold by now, as nodes come and go.

    Args:
        cpus, gpus: of one trial, which runs on one node; GPUs that are None are shared out, see `take`.
        most: what the user wants at most, or None. On a cluster that is not our own so many trials are begun even if
            they do not fit yet: those that wait are what an autoscaler starts nodes for.

    Raises:
        EndedError: not one fits, and the user has not said how many to wait for.
    """

    LOOK_EVERY = 2.0  # seconds

    def __init__(self, cluster: Cluster, cpus: float, gpus: float | None, most: int | None) -> None:
        self.cpus, self.most, self.own, self.shared = cpus, most, cluster.own, gpus is None
        self.gpus = share_of(self._nodes(), cpus, sys.maxsize) if gpus is None else gpus
        self.looked, self.found = time.monotonic(), self._fits()
        if self.found < 1 and (self.own or most is None):
            wait = "" if self.own else ", or say with --max-concurrent how many trials shall wait for nodes to come"
            raise EndedError(
                f"a trial asks for {cpus:g} CPUs and {self.gpus:g} GPUs on one node; no node of {cluster.label} has"
                f" them (in all it has {cluster.cpus:g} and {cluster.gpus:g}): lower --cpus-per-trial or"
                f" --gpus-per-trial{wait}"
            )

    def take(self, trials: int) -> float:
        """How many GPUs each of so many trials that come next takes, unless the user has said it."""
        if self.shared:
            # where all GPUs have gone for a while, trials wait for them to come back
            self.gpus = share_of(self._nodes(), self.cpus, min(trials, self.most or trials)) or self.gpus
            self.looked, self.found = time.monotonic(), self._fits()
        return self.gpus

    @property
    def waits_for_nodes(self) -> bool:
        """Whether more trials are wanted than fit by now."""
        return not self.own and self.most is not None and self.most > self._now()

    def __call__(self) -> int:
        """At least 1."""
        if self.most is not None and not self.own:
            return self.most
        return max(min(self._now(), self.most or self.found), 1)

    def _now(self) -> int:
        if time.monotonic() - self.looked > self.LOOK_EVERY:
            self.looked, self.found = time.monotonic(), self._fits()
        return self.found

    def _fits(self) -> int:
        return sum(held(node, self.cpus, self.gpus) for node in self._nodes())

    @staticmethod
    def _nodes() -> list[Node]:
        resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return [Node(each.get("CPU", 0.0), each.get("GPU", 0.0)) for each in resources]


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[Cluster]:
    """Connect to `address`, or by default to RAY_ADDRESS, else a cluster running here, else start a local Ray.

    Args:
        address: a cluster's address, "auto", or "local" for a Ray of our own whatever else runs.

    Raises:
        UserError: there is no cluster at the address.
    """
    was_there = ray.is_initialized()
    own = False if was_there else _connect(address)
    try:
        resources = ray.cluster_resources()
        label = "a local Ray" if own else f"the Ray cluster at {ray.get_runtime_context().gcs_address}"
        yield Cluster(label=label, cpus=resources.get("CPU", 1.0), gpus=resources.get("GPU", 0.0), own=own)
    finally:
        if not was_there:
            ray.shutdown()


def _connect(address: str | None) -> bool:
    """Connect or start; True for a Ray of our own."""
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    wanted = address or os.environ.get("RAY_ADDRESS") or None
    found = wanted or _running_here()
    origin = "--address" if address else "RAY_ADDRESS" if wanted else "the Ray noted as running here,"
    if found and found != "local" and not _answers(found):
        if wanted:
            raise UserError(f"{origin} {found}: nothing answers there", status=1)
        found = None  # the note of a cluster that is gone
    if found and found != "local":
        try:
            ray.init(address=found, runtime_env={"py_modules": _our_packages()}, **quiet)
            return False
        except ConnectionError as error:
            if wanted:
                raise UserError(f"{origin} {found}: no Ray cluster answers there", status=1) from error
        except (ValueError, RuntimeError) as error:
            raise UserError(f"{origin} {found}: {first_line(error)}", status=1) from error
    with _for_this_machine_alone():
        ray.init(address="local", include_dashboard=False, **quiet)
    return True


@contextlib.contextmanager
def _for_this_machine_alone() -> Iterator[None]:
    """A Ray that starts here listens on 127.0.0.1 and no other address.

    It does so by itself where it knows no clusters (on Windows and macOS, by this switch); elsewhere it would listen to
    the network, though behind a token.
    """
    before, known = os.environ.get(SWITCH), ray_constants.ENABLE_RAY_CLUSTER
    os.environ[SWITCH], ray_constants.ENABLE_RAY_CLUSTER = "0", False  # for what it starts, and for this process
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = known
        os.environ.pop(SWITCH) if before is None else os.environ.__setitem__(SWITCH, before)


def _answers(address: str) -> bool:
    """Whether something listens at HOST:PORT; Ray itself would wait for minutes. Other addresses are Ray's to judge."""
    host, colon, port = address.rpartition(":")
    if not colon or "/" in address or not port.isdigit():
        return True
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except (OSError, ValueError, OverflowError):  # or it is no name of a host, or no number of a port
        return False
    return True


def _running_here() -> str | None:
    """The cluster that `ray start` noted on this machine.

    Ray's own "auto" would also find the private Ray of another `tune`, and die with it.
    """
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    note = Path(folder) / "ray" / "ray_current_cluster"
    try:
        return note.read_text().strip() or None
    except OSError:
        return None


def check_words() -> None:
    """Ray takes down the command line that starts it, and from where, as text; a path can be bytes that are none.

    Raises:
        UserError: one is no UTF-8, as of an old archive's files in Latin-1.
    """
    for word in (*sys.argv, os.getcwd()):
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"{printable(Path(word))}: is not UTF-8, and Ray takes no such word on a command line: name the folder"
                " that it is in, or rename it"
            ) from error


def in_a_job() -> bool:
    """Whether `ray job submit` has started this process, in a folder that goes with the job."""
    return JOB in os.environ


def _our_packages() -> list[str]:
    """Our code travels with the search, so that a cluster's nodes need only the dependencies."""
    root = Path(__file__).resolve().parents[3]
    return [str(root / package) for package in PACKAGES]
