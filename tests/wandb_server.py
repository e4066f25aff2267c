"""A stand-in for W&B's server: what wandb 0.31 asks of one, answered on this machine, and kept for a test to look at.

It takes runs, also ones that go on, their epochs, summaries and files, and artifacts whole: the manifest and every file
that it names. It knows one user and one entity, checks no key, keeps each artifact as a new one (no versions), and has
no pages and no queries beyond these. The answers are made after what wandb asks (its GraphQL names the fields), not
after W&B's own server, which no test here can reach. Beside it: servers that do not answer, a reader of offline runs.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from wandb.proto.wandb_internal_pb2 import Record

__all__ = ["Artifact", "Received", "TrackedRun", "hanging", "offline_runs", "refusing", "standing_in"]

ENTITY = "tester"


@dataclass
class TrackedRun:
    """A run as the server has it.

    Attributes:
        config: by name, as wandb told it last; its own entries are left out.
        history: what was logged, a step each.
        summary: as it was told last.
        files: by path in the run.
        exit_code: None for a run that is not over.
    """

    id: str
    project: str = ""
    group: str = ""
    name: str = ""
    job_type: str = ""
    tags: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    exit_code: int | None = None


@dataclass
class Artifact:
    """An artifact: its files are those of its manifest that have arrived."""

    id: str
    type: str
    name: str
    metadata: dict[str, Any]
    run: str
    aliases: tuple[str, ...]
    manifest: bytes = b""
    files: dict[str, bytes] = field(default_factory=dict)
    committed: bool = False


@dataclass
class Received:
    """All that a server was told, and where it listens."""

    url: str = ""
    runs: dict[str, TrackedRun] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)  # what it was asked and has no answer to
    over: threading.Event = field(default_factory=threading.Event)
    hangs: bool = False  # from here on: takes what it is told, and does not answer

    def named(self, name: str) -> TrackedRun:
        """The one run of this name."""
        (found,) = [run for run in self.runs.values() if run.name == name]
        return found

    def graphql(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The answer to a query."""
        self.asked.append(operation)
        answer: Callable[[dict[str, Any]], dict[str, Any]] | None = getattr(self, f"on_{operation}", None)
        if answer is None:
            self.unknown.append(operation)
            return {"errors": [{"message": f"{operation} is not known here"}]}
        return {"data": answer(variables)}

    def on_Viewer(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  # these are wandb's names
        viewer = {"id": "u", "entity": ENTITY, "username": ENTITY, "email": "", "flags": "{}", "teams": {"edges": []}}
        return {"viewer": viewer}

    def on_ServerFeaturesQuery(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"serverInfo": {"features": []}}

    def on_ArtifactType(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"project": {"artifact": None}}

    def on_RunResumeStatus(self, told: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        run = self.runs.get(told["name"])
        if run is None:
            return {"model": None}
        bucket = {
            "id": run.id,
            "name": run.id,
            "displayName": run.name,
            "tags": list(run.tags),
            "notes": None,
            "config": json.dumps({name: {"value": value} for name, value in run.config.items()}),
            "summaryMetrics": json.dumps(run.summary),
            "historyTail": json.dumps([json.dumps(step) for step in run.history[-1:]]),
            "eventsTail": "[]",
            "historyLineCount": len(run.history),
            "eventsLineCount": 0,
            "logLineCount": 0,
            "wandbConfig": json.dumps({"t": {}}),
        }
        entity = {"id": "e", "name": ENTITY}
        return {"model": {"id": "p", "name": run.project, "entity": entity, "bucket": bucket}}

    def on_UpsertBucket(self, told: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        inserted = told["name"] not in self.runs
        run = self.runs.setdefault(told["name"], TrackedRun(told["name"]))
        for ours, theirs in (("project", "project"), ("group", "groupName"), ("name", "displayName")):
            setattr(run, ours, told.get(theirs) or getattr(run, ours))
        run.job_type, run.tags = told.get("jobType") or run.job_type, tuple(told.get("tags") or run.tags)
        if told.get("config"):
            config = json.loads(told["config"])
            run.config |= {name: value["value"] for name, value in config.items() if name != "_wandb"}
        project = {"id": "p", "name": run.project, "entity": {"id": "e", "name": ENTITY}}
        bucket = {"id": run.id, "name": run.id, "displayName": run.name, "project": project, "historyLineCount": 0}
        return {"upsertBucket": {"bucket": bucket, "inserted": inserted}}

    def on_CreateRunFiles(self, told: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        files = [{"name": file, "uploadUrl": self._place("run", told["run"], file)} for file in told["files"]]
        return {"createRunFiles": {"runID": told["run"], "uploadHeaders": [], "files": files}}

    def on_CreateArtifact(self, told: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        told = told["input"]
        aliases = tuple(alias["alias"] for alias in told.get("aliases") or ())
        metadata = json.loads(told.get("metadata") or "{}")
        name, id = told["artifactCollectionName"], f"artifact-{len(self.artifacts)}"
        self.artifacts[id] = Artifact(id, told["artifactTypeName"], name, metadata, told.get("runName", ""), aliases)
        artifact = {"id": id, "state": "PENDING", "artifactSequence": {"id": "s", "latestArtifact": None}}
        return {"createArtifact": {"artifact": artifact}}

    def on_CreateArtifactManifest(self, told: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        file = {"id": "f", "uploadUrl": self._place("manifest", told["artifactID"], told["name"]), "uploadHeaders": []}
        return {"createArtifactManifest": {"artifactManifest": {"id": told["artifactID"], "file": file}}}

    def on_UpdateArtifactManifest(self, told: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        id = told["artifactManifestID"]
        file = {"id": "f", "uploadUrl": self._place("manifest", id, "manifest"), "uploadHeaders": []}
        return {"updateArtifactManifest": {"artifactManifest": {"id": id, "file": file}}}

    def on_CreateArtifactFiles(self, told: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        edges = []
        for file in told["input"]["artifactFiles"]:
            id = file["artifactID"]
            place = self._place("artifact", id, file["name"])
            node = {"storagePath": file["name"], "uploadUrl": place, "uploadHeaders": [], "artifact": {"id": id}}
            edges.append({"node": node | {"uploadMultipartUrls": None}})
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def on_CommitArtifact(self, told: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.artifacts[told["artifactID"]].committed = True
        return {"commitArtifact": {"artifact": {"id": told["artifactID"], "digest": ""}}}

    def stream(self, id: str, told: dict[str, Any]) -> None:
        """Take a part of a run's history and its summary."""
        run = self.runs[id]
        for name, part in (told.get("files") or {}).items():
            if name == "wandb-history.jsonl":
                run.history[part["offset"] :] = [json.loads(line) for line in part["content"]]
            elif name == "wandb-summary.json":
                run.summary = json.loads(part["content"][-1])
        if told.get("complete"):
            run.exit_code = told.get("exitcode")

    def keep(self, kind: str, id: str, name: str, content: bytes) -> None:
        """Take a file."""
        if kind == "manifest":
            self.artifacts[id].manifest = content
        else:
            (self.runs if kind == "run" else self.artifacts)[id].files[name] = content

    def _place(self, kind: str, id: str, name: str) -> str:
        return f"{self.url}/storage/{kind}/{id}/{quote(name, safe='')}"


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    received: Received

    def do_POST(self) -> None:
        content = self._content()
        words = self.path.strip("/").split("/")
        if self.path == "/graphql":
            told = json.loads(content)
            name = told.get("operationName") or told["query"].split("(")[0].split()[1]
            self._answer(self.received.graphql(name, told.get("variables") or {}))
        elif words[0] == "files" and words[-1] == "file_stream":
            self.received.stream(words[-2], json.loads(content))
            self._answer({})
        else:  # wandb's own telemetry
            self._answer({})

    def do_PUT(self) -> None:
        content = self._content()
        _, kind, id, name = self.path.strip("/").split("/")
        self.received.keep(kind, id, unquote(name), content)
        self._answer({})

    def _content(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, told: dict[str, Any]) -> None:
        if self.received.hangs:
            self.received.over.wait()
        content = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that is gone."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(*_)


@contextlib.contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def standing_in() -> Iterator[Received]:
    """A server that answers."""
    received = Received()
    with _serving(type("Answering", (_Answering,), {"received": received})) as received.url:
        try:
            yield received
        finally:
            received.over.set()


@contextlib.contextmanager
def refusing(status: int) -> Iterator[str]:
    """The address of a server that answers everything with an HTTP status."""

    def refuse(self: BaseHTTPRequestHandler) -> None:
        self.send_error(status)

    methods = {f"do_{method}": refuse for method in ("GET", "POST", "PUT")}
    with _serving(type("Refusing", (BaseHTTPRequestHandler,), methods | {"log_message": lambda *_: None})) as url:
        yield url


@contextlib.contextmanager
def hanging() -> Iterator[str]:
    """The address of a server that takes every connection, and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:  # the system itself takes connections
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def offline_runs(folder: Path) -> dict[str, TrackedRun]:
    """The offline runs under a folder, by name, as their files hold them; the latest of each id."""
    files = sorted(folder.glob("wandb/offline-run-*/run-*.wandb"))
    runs = {run.id: run for run in map(_offline_run, files)}
    return {run.name: run for run in runs.values()}


def _offline_run(path: Path) -> TrackedRun:
    found = TrackedRun("")
    for record in _records(path.read_bytes()):
        kind = record.WhichOneof("record_type")
        if kind == "run" and not found.id:
            told = record.run
            found = TrackedRun(
                told.run_id, told.project, told.run_group, told.display_name, told.job_type, tuple(told.tags)
            )
            found.config = {one.key: json.loads(one.value_json) for one in told.config.update if one.key != "_wandb"}
        elif kind == "history":
            found.history.append(_items(record.history.item))
        elif kind == "summary":
            found.summary |= _items(record.summary.update)
        elif kind == "exit":
            found.exit_code = record.exit.exit_code
    found.files = {
        file.relative_to(path.parent / "files").as_posix(): file.read_bytes()
        for file in (path.parent / "files").rglob("*")
        if file.is_file()
    }
    return found


def _items(items: Iterable[Any]) -> dict[str, Any]:
    return {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}


def _records(data: bytes) -> Iterator[Record]:
    """The records of a .wandb file: a LevelDB log (blocks of 32 KiB) behind a header of seven bytes."""
    at, whole = 7, b""
    while at + 7 <= len(data):
        if (left := 32768 - at % 32768) < 7:
            at += left
            continue
        size, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        whole, at = whole + data[at + 7 : at + 7 + size], at + 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(whole)
            whole = b""
