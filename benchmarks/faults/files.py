"""Damaged and hostile MIDI files, read as a command reads them: how many are read, and what each of them costs.

Time is the processor time of a file, as the limit of `datamodules.midi.raw_bytes.Limits` is; memory is how much larger
a worker ever was than before its first file. Both are taken inside of the workers.
"""

from __future__ import annotations

import os
import re
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.corpus import workers as song_workers
from datamodules.corpus.finding import find_files, printable
from datamodules.corpus.reading import read_corpus
from datamodules.midi.raw_bytes import Limits, RejectedFile
from datamodules.song import Song
from songs import bundled

__all__ = ["KINDS", "hostile", "mutated", "mutations"]

LONGEST_RUN = 100_000  # bytes of one value: what a reader of quadratic time would stand still at
_HEADER = 14  # bytes of a MIDI file's first chunk
_before: list[int] = []  # in a worker: the bytes that it held before its first file

Random = np.random.Generator
Rows = list[tuple[int, Song | RejectedFile]]


def mutations(count: int, seed: int, songs: Sequence[Path] | None = None) -> dict[str, Any]:
    """Make files out of good ones by one to four seeded mutations each, and read them all as a command does.

    Args:
        count: how many.
        seed: the same seed makes the same files of the same songs.
        songs: the good files; None for the bundled songs.

    Returns:
        See `hostile`; also `count` and `seed`.
    """
    good = [path.read_bytes() for path in songs or bundled()]
    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            data = good[int(random.integers(len(good)))]
            (Path(folder) / f"{number:06d}.mid").write_bytes(mutated(data, random))
        return {"count": count, "seed": seed, **hostile(Path(folder))}


def hostile(folder: Path) -> dict[str, Any]:
    """Read all MIDI files of a folder with the default limits and an empty cache.

    Returns:
        Plain data: `files`; `read`, how many are songs; `rejected`, how many by the reason, numbers left out;
        `unforeseen`, how many of them a parser gave up on after the guards had passed them; `tracebacks`, how many
        raised what is no reason; `died`, how many ended their worker; `slowest_seconds` of processor time and
        `slowest_file`; `growth_mb`, of the worker that grew most; `seconds` in all.
    """
    files = {printable(path) for path in find_files([folder])}
    with tempfile.TemporaryDirectory() as place:
        measured = Path(place) / "measured"
        measured.mkdir()
        started = time.perf_counter()
        with _measuring(measured):
            # the good songs are there so that some are left, without which no command goes on
            corpus = read_corpus([folder, *bundled()], cache=Path(place) / "cache")
        seconds = time.perf_counter() - started
        costs = [line.split("\t") for log in measured.iterdir() for line in log.read_text().splitlines()]
    rows = [row for row in corpus.rows if row.path in files]
    reasons = Counter(_kind_of(row.reason) for row in rows if not row.accepted)
    slowest = max(costs, key=lambda cost: float(cost[0]), default=["0", "0", "", ""])
    return {
        "files": len(files),
        "read": sum(row.accepted for row in rows),
        "rejected": dict(reasons.most_common()),
        "unforeseen": sum("cannot be understood" in row.reason for row in rows),
        "tracebacks": sum(bool(cost[2]) for cost in costs),
        "died": sum("ends the process" in row.reason for row in rows),
        "slowest_seconds": float(slowest[0]),
        "slowest_file": slowest[3],
        "growth_mb": max((float(cost[1]) for cost in costs), default=0.0),
        "seconds": seconds,
    }


def mutated(data: bytes, random: Random) -> bytes:
    """The bytes after one mutation of a random kind, or up to four; at least one byte.

    In half of them the chunks say how long they are now: a wrong length would be all that a reader finds.
    """
    for kind in random.choice(len(KINDS), size=random.choice([1, 1, 1, 2, 3, 4])):
        data = list(KINDS.values())[kind](data, random) or b"\0"
    return _with_lengths(data) if random.random() < 0.5 else data


def _flip(data: bytes, random: Random) -> bytes:
    """Some bytes are others."""
    changed = np.frombuffer(data, np.uint8).copy()
    places = random.integers(len(changed), size=random.integers(1, 17))
    changed[places] = random.integers(256, size=len(places))
    return changed.tobytes()


def _values(data: bytes, random: Random) -> bytes:
    """Some bytes that were no status are others that are none: pitches, velocities, times, lengths."""
    changed = np.frombuffer(data, np.uint8).copy()
    places = np.flatnonzero(changed[_HEADER:] < 0x80) + _HEADER
    if len(places):
        places = random.choice(places, size=random.integers(1, 9))
        changed[places] = random.integers(128, size=len(places))
    return changed.tobytes()


def _header(data: bytes, random: Random) -> bytes:
    """A byte of the header is another: its length, type, count of tracks or division."""
    place = int(random.integers(4, _HEADER))
    return data[:place] + random.bytes(1) + data[place + 1 :]


def _cut(data: bytes, random: Random) -> bytes:
    """The end is missing."""
    return data[: random.integers(len(data))]


def _insert(data: bytes, random: Random) -> bytes:
    """Some bytes too many."""
    place = random.integers(len(data))
    return data[:place] + random.bytes(int(random.integers(1, 65))) + data[place:]


def _remove(data: bytes, random: Random) -> bytes:
    """Some bytes too few."""
    place = random.integers(len(data))
    return data[:place] + data[place + int(random.integers(1, 65)) :]


def _repeat(data: bytes, random: Random) -> bytes:
    """A whole chunk once more behind the last, or a piece of the file anywhere."""
    chunks = _chunks(data)
    if chunks and random.random() < 0.5:
        start = int(random.choice(chunks))
        return data + data[start : start + 8 + int.from_bytes(data[start + 4 : start + 8])]
    start, place = random.integers(len(data), size=2)
    return data[:place] + data[start : start + random.integers(1, 4096)] + data[place:]


def _chunk_length(data: bytes, random: Random) -> bytes:
    """A chunk says that it is shorter, longer, empty or endless."""
    chunks = _chunks(data)
    if not chunks:
        return data
    place = int(random.choice(chunks)) + 4
    length = int.from_bytes(data[place : place + 4])
    lengths = (length + int(random.integers(-9, 10)), 0, 2**31, 2**32 - 1, int(random.integers(2**16)))
    return data[:place] + (lengths[random.integers(len(lengths))] % 2**32).to_bytes(4) + data[place + 4 :]


def _number(data: bytes, random: Random) -> bytes:
    """Where a variable-length number may stand, one of one to six bytes."""
    digits = [int(digit) | 0x80 for digit in random.integers(128, size=random.integers(0, 6))]
    place = random.integers(min(_HEADER + 8, len(data)), len(data) + 1)
    return data[:place] + bytes([*digits, int(random.integers(128))]) + data[place + 1 :]


def _run(data: bytes, random: Random) -> bytes:
    """A long run of bytes that all say: go on."""
    place = random.integers(len(data))
    return data[:place] + (b"\x80", b"\xff")[random.integers(2)] * int(random.integers(1, LONGEST_RUN)) + data[place:]


KINDS: dict[str, Callable[[bytes, Random], bytes]] = {
    "flip": _flip,
    "values": _values,
    "header": _header,
    "cut": _cut,
    "insert": _insert,
    "remove": _remove,
    "repeat": _repeat,
    "chunk_length": _chunk_length,
    "number": _number,
    "run": _run,
}


def _chunks(data: bytes) -> list[int]:
    """Where track chunks begin, or what looks like one."""
    return [found.start() for found in re.finditer(b"MTrk", data)]


def _with_lengths(data: bytes) -> bytes:
    """Each track chunk as long as it is to the next, or to the end."""
    starts = _chunks(data)
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        data = data[: start + 4] + max(end - start - 8, 0).to_bytes(4) + data[start + 8 :]
    return data


def _kind_of(reason: str) -> str:
    """A reason without what is of one file: numbers, names, and what a parser said."""
    kind = re.sub(r"0x[0-9A-F]+|\d[\d,]*", "N", reason)
    kind = re.sub(r"\((\w+): .*\)", r"(\1)", kind)
    return re.sub(r"(the same as) .*", r"\1 another", kind)


@contextmanager
def _measuring(folder: Path) -> Iterator[None]:
    """Workers that are started inside write what each file cost into a file of their own in `folder`."""
    plain = song_workers._read_chunk
    song_workers._read_chunk = partial(_measured_chunk, str(folder))
    try:
        yield
    finally:
        song_workers._read_chunk = plain


def _measured_chunk(folder: str, files: list[tuple[int, Path]], grid: int, limits: Limits) -> Rows:
    """In a worker: `song_workers._read_chunk`, and a line a file: seconds, megabytes, what was raised, its path."""
    if not _before:
        _before.append(int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize())
    rows: Rows = []
    with open(os.path.join(folder, str(os.getpid())), "a", encoding="utf-8", errors="backslashreplace") as log:
        for row, path in files:
            started, raised = time.process_time(), ""
            try:
                rows.append((row, song_workers._read(path, grid, limits)))
            except Exception as error:
                raised = type(error).__name__
                raise
            finally:
                seconds = time.process_time() - started
                grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - _before[0]
                print(f"{seconds:.6f}\t{grown / 1e6:.3f}\t{raised}\t{path}", file=log, flush=True)
    return rows
