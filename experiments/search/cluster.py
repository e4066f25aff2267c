"""The Ray cluster that a search runs on: the one that is there, or one of our own that goes when we go."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ray

from datamodules.errors import UserError

__all__ = ["Cluster", "connected"]

PACKAGES = ("datamodules", "lightning_modules", "search_spaces", "experiments", "songs")


@dataclass(frozen=True)
class Cluster:
    """What a search needs to know of its cluster."""

    label: str
    cpus: float
    gpus: float
    own: bool


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[Cluster]:
    """Connect to `address`, or by default to RAY_ADDRESS, else a cluster running here, else start a local Ray.

    Args:
        address: a cluster's address, "auto", or "local" for a Ray of our own whatever else runs.

    Raises:
        UserError: there is no cluster at the address.
    """
    wanted = address or os.environ.get("RAY_ADDRESS") or None
    was_there = ray.is_initialized()
    own = False if was_there else _connect(wanted)
    try:
        resources = ray.cluster_resources()
        label = "a local Ray" if own else f"the Ray cluster at {ray.get_runtime_context().gcs_address}"
        yield Cluster(label=label, cpus=resources.get("CPU", 1.0), gpus=resources.get("GPU", 0.0), own=own)
    finally:
        if not was_there:
            ray.shutdown()


def _connect(wanted: str | None) -> bool:
    """Connect or start; True for a Ray of our own."""
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    found = wanted or _running_here()
    if found and found != "local" and not _answers(found):
        if wanted:
            raise UserError(f"--address {wanted}: nothing answers there", status=1)
        found = None  # the note of a cluster that is gone
    if found and found != "local":
        try:
            ray.init(address=found, runtime_env={"py_modules": _our_packages()}, **quiet)
            return False
        except ConnectionError as error:
            if wanted:
                raise UserError(f"--address {wanted}: no Ray cluster answers there", status=1) from error
        except (ValueError, RuntimeError) as error:
            raise UserError(f"--address {found}: {str(error).splitlines()[0]}", status=1) from error
    ray.init(address="local", include_dashboard=False, **quiet)
    return True


def _answers(address: str) -> bool:
    """Whether something listens at HOST:PORT; Ray itself would wait for minutes. Other addresses are Ray's to judge."""
    host, colon, port = address.rpartition(":")
    if not colon or "/" in address or not port.isdigit():
        return True
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except OSError:
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


def _our_packages() -> list[str]:
    """Our code travels with the search, so that a cluster's nodes need only the dependencies."""
    root = Path(__file__).resolve().parents[2]
    return [str(root / package) for package in PACKAGES]
