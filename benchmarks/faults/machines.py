"""Several machines out of one (Linux, root): each with a network, an address and a disk of its own, joined by a bridge.

Network namespaces are what containers are made of: a process in one sees its own interfaces and no other's, and reaches
the others through the bridge alone. Each also has a mount namespace, in which PRIVATE is another disk on each machine.
On each a Ray node is started as a user starts it (`ray start`), with a Python that has the dependencies of this project
and not the project itself.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.faults.searches import until

__all__ = ["PRIVATE", "Machines", "can_make"]

PRIVATE = Path("/tmp/ray")  # where Ray has its sockets and sessions; on each machine its own
PORT, DASHBOARD = 6379, 8265
STARTS_WITHIN = 90.0  # seconds
ENTER = 'mount --make-rprivate / && mount -t tmpfs tmpfs "$0" && exec "$@"'


def can_make() -> str:
    """Why there can be no such machines here; "" if there can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "network namespaces need Linux and root"
    name = f"try{secrets.token_hex(3)}"
    try:
        tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
        if tried.returncode == 0:
            link = ["ip", "link", "add", f"{name}a", "type", "veth", "peer", "name", "eth0", "netns", name]
            tried = subprocess.run(link, capture_output=True, text=True)
            subprocess.run(["ip", "netns", "del", name], check=False)
    except FileNotFoundError:
        return "the command `ip` is not installed"
    return f"network namespaces are not allowed here ({tried.stderr.strip()})" if tried.returncode else ""


class Machines:
    """A cluster of such machines; a context manager, which at its end has stopped and removed all of them.

    Args:
        folder: for the Python of the nodes and their logs; seen by all of them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.mark = folder, secrets.token_hex(2)
        self.bridge, self.net = f"br{self.mark}", 10 + int(self.mark, 16) % 200
        self.nodes: list[subprocess.Popen[bytes]] = []
        self.token = secrets.token_hex(16)

    def __enter__(self) -> Self:
        self.python = bare_python(self.folder / "python")
        _ip("link", "add", self.bridge, "type", "bridge")
        _ip("link", "set", self.bridge, "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in range(len(self.nodes)):
            self.kill(number)
            _ip("netns", "del", self.name(number), check=False)
        _ip("link", "del", self.bridge, check=False)

    def name(self, number: int) -> str:
        return f"tr{self.mark}{number}"

    def ip(self, number: int) -> str:
        return f"10.{self.net}.0.{number + 2}"

    @property
    def address(self) -> str:
        """Of the cluster; machine 0 is its head."""
        return f"{self.ip(0)}:{PORT}"

    @property
    def environment(self) -> dict[str, str]:
        """What nodes and drivers need: a token of this cluster."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token, "RAY_USAGE_STATS_ENABLED": "0"}

    def add(self, *, cpus: int = 1, dashboard: bool = False) -> int:
        """Make a machine and start a node on it; its number."""
        number, name = len(self.nodes), f"tr{self.mark}{len(self.nodes)}"
        _ip("netns", "add", name)
        _ip("link", "add", f"v{self.mark}{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", f"v{self.mark}{number}", "master", self.bridge, "up")
        for line in (f"addr add {self.ip(number)}/24 dev eth0", "link set eth0 up", "link set lo up"):
            _ip("-n", name, *line.split())
        role = ["--head", f"--port={PORT}"] if number == 0 else [f"--address={self.address}"]
        board = [f"--include-dashboard={str(dashboard).lower()}"] if number == 0 else []
        command = [str(self.python), "-m", "ray.scripts.scripts", "start", *role, *board, "--block"]
        command += [f"--node-ip-address={self.ip(number)}", f"--num-cpus={cpus}", "--object-store-memory=100000000"]
        PRIVATE.mkdir(parents=True, exist_ok=True)
        within = ["ip", "netns", "exec", name, "unshare", "-m", "sh", "-c", ENTER, str(PRIVATE), *command]
        plain = without_project()
        plain["PATH"] = f"{self.python.parent}:{plain['PATH']}"
        log = (self.folder / f"node{number}.log").open("wb")
        with log:
            self.nodes.append(
                subprocess.Popen(within, cwd=self.folder, env=plain | self.environment, stdout=log, stderr=log)
            )
        said = self.folder / f"node{number}.log"
        if not until(lambda: b"Ray runtime started" in said.read_bytes(), STARTS_WITHIN):
            raise RuntimeError(f"the node did not start: {said.read_text()[-500:]}")
        return number

    def within(self, number: int) -> tuple[str, ...]:
        """What a command line begins with that is to run on a machine."""
        return ("nsenter", "-t", str(self.nodes[number].pid), "-m", "-n")

    def kill(self, number: int) -> None:
        """All of a machine's processes, at once."""
        found = subprocess.run(["ip", "netns", "pids", self.name(number)], capture_output=True, text=True, check=False)
        for pid in map(int, found.stdout.split()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:  # it went with another
                continue
        self.nodes[number].wait()

    def cut(self, number: int) -> None:
        """Pull a machine's cable: it runs on, and nobody reaches it."""
        _ip("link", "set", f"v{self.mark}{number}", "down")

    def trains(self, number: int) -> bool:
        """Whether a trial trains on the machine now."""
        found = subprocess.run(["ip", "netns", "pids", self.name(number)], capture_output=True, text=True, check=False)
        for pid in found.stdout.split():
            try:
                if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::ImplicitFunc"):
                    return True
            except OSError:
                continue
        return False


def without_project() -> dict[str, str]:
    """This environment, but for what leads to the project, or to a cluster."""
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "RAY_ADDRESS")}


def bare_python(folder: Path) -> Path:
    """A Python with everything that this one has but this project, which is installed here in place."""
    venv.create(folder, with_pip=False, symlinks=True)
    mirror = folder / "dependencies"
    mirror.mkdir()
    for found in Path(sysconfig.get_path("purelib")).iterdir():
        if "tritone" not in found.name and not found.name.startswith("__editable__"):
            (mirror / found.name).symlink_to(found)
    site = next((folder / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(f"{mirror}\n")
    python = folder / "bin" / "python"
    asked = subprocess.run(
        [python, "-c", "import ray; import experiments"],
        cwd=folder,
        env=without_project(),
        capture_output=True,
        text=True,
        check=False,
    )
    if "No module named 'experiments'" not in asked.stderr:
        raise RuntimeError(f"the nodes' Python is not what it should be: {asked.stderr[-300:]}")
    return python


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=not check)
