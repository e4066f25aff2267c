"""Files and folders to songs: read in parallel, cached by content; a row for every file says what became of it."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from datamodules.errors import UserError
from datamodules.midi import Limits, RejectedFile
from datamodules.song import DEFAULT_GRID, Song, bar_length, check_grid
from datamodules.song_cache import Entry, SongCache, default_cache
from datamodules.song_workers import read_files

__all__ = ["Corpus", "Row", "find_files", "read_corpus"]

_SUFFIXES = (".mid", ".midi")
_FEWEST = 2  # events: a song's first event is context, so one event alone has no target

Progress = Callable[[int, int], None]  # files done, files in all


@dataclass(frozen=True)
class Row:
    """What became of one file.

    Attributes:
        path: where it is, printable.
        digest: SHA-256 of its bytes, hexadecimal; empty if they could not be read.
        accepted: whether `Corpus.songs` has it.
        reason: why it is not accepted; empty if it is.
        parts: "name:role" of each part.
        events: events of the chosen parts.
        notes: notes of all parts.
        bars: bars up to the last note's end, by the metre map.
        quarters: quarter notes up to there.
    """

    path: str
    digest: str
    accepted: bool
    reason: str = ""
    parts: tuple[str, ...] = ()
    events: int = 0
    notes: int = 0
    bars: int = 0
    quarters: float = 0.0


@dataclass(frozen=True)
class Corpus:
    """The accepted songs, in the order of their rows, and a row for every file."""

    songs: tuple[Song, ...]
    rows: tuple[Row, ...]


def find_files(paths: Sequence[Path]) -> list[Path]:
    """The MIDI files of `paths`, each once, sorted.

    A folder stands for all .mid and .midi files (any case) in it and below; hidden files and folders (leading dot) are
    skipped, links are followed, once each. A file that is named itself is taken whatever its name.

    Raises:
        UserError: a path does not exist.
    """
    found: set[str] = set()
    for path in paths:
        if path.is_dir():
            found.update(_walk(path))
        elif path.is_file():
            found.add(os.fspath(path))
        else:
            missing = "is neither a file nor a folder" if path.exists() else "does not exist"
            raise UserError(f"{path} {missing}; name MIDI files or folders that hold some")
    return [Path(name) for name in sorted(found)]


def read_corpus(
    paths: Sequence[Path],
    *,
    grid: int = DEFAULT_GRID,
    parts: Collection[str] | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    progress: Progress | None = None,
    cache: Path | None = None,
) -> Corpus:
    """Read every MIDI file of `paths`; what is no song is left out and told.

    Args:
        paths: files and folders, see `find_files`.
        grid: ticks a quarter note.
        parts: roles or part names whose events are counted; None means all pitched parts. The songs keep all parts.
        limits: what one file may cost.
        progress: called with the number of files done and of all files.
        cache: the cache folder; None means `default_cache()`.

    Raises:
        UserError: a path does not exist, no song is left, or no song has one of the named parts.
    """
    files = find_files(paths)
    if not files:
        raise UserError(
            f"no .mid or .midi file in {', '.join(map(str, paths)) or 'nothing'}; name songs or their folder"
        )
    store = SongCache(cache if cache is not None else default_cache(), check_grid(grid), limits)
    digests = [_digest(file, limits) for file in files]
    entries = _entries(files, digests, store, grid, limits, progress or _silent)
    if parts is not None:
        _check_parts(parts, [entry for entry in entries.values() if isinstance(entry, Song)])
    corpus = _sorted_out(files, digests, entries, parts)
    if not corpus.songs:
        raise UserError(_nothing_left(corpus.rows))
    return corpus


def _walk(folder: Path) -> Iterator[str]:
    """The MIDI files below a folder. Every folder is entered once, so that a loop of links ends."""
    seen: set[tuple[int, int]] = set()
    for top, folders, names in os.walk(folder, followlinks=True):
        try:
            status = os.stat(top)
        except OSError:  # gone, or a link to nowhere
            folders.clear()
            continue
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            path = os.path.join(top, name)
            if not name.startswith(".") and name.lower().endswith(_SUFFIXES) and os.path.isfile(path):
                yield path


def _digest(file: Path, limits: Limits) -> str | RejectedFile:
    """The SHA-256 of the file's bytes, or why they are not even looked at."""
    try:
        with file.open("rb") as stream:
            if os.fstat(stream.fileno()).st_size > limits.bytes:
                return RejectedFile(f"larger than {limits.bytes:,} bytes")
            return hashlib.sha256(stream.read(limits.bytes)).hexdigest()
    except OSError as error:
        return RejectedFile(f"cannot be opened: {error.strerror or error}")


def _entries(
    files: Sequence[Path],
    digests: Sequence[str | RejectedFile],
    store: SongCache,
    grid: int,
    limits: Limits,
    progress: Progress,
) -> dict[str, Entry | RejectedFile]:
    """What each digest is: from the cache if it is there, else read (equal files once) and put there."""
    wanted = {digest: file for file, digest in zip(files, digests, strict=True) if isinstance(digest, str)}
    entries: dict[str, Entry | RejectedFile] = {}
    for digest in wanted:
        entry = store.get(digest)
        if entry is not None:
            entries[digest] = entry
    unread = [digest for digest in wanted if digest not in entries]
    done = len(files) - len(unread)
    progress(done, len(files))
    for row, outcome in read_files([wanted[digest] for digest in unread], grid, limits):
        digest = unread[row]
        if isinstance(outcome, Song) and outcome.digest != digest:
            outcome = RejectedFile("changed while it was read; try again", lasting=False)
        entries[digest] = outcome
        if isinstance(outcome, Song):
            store.put(digest, outcome)
        elif outcome.lasting:
            store.put(digest, str(outcome))
        done += 1
        progress(done, len(files))
    return entries


def _sorted_out(
    files: Sequence[Path],
    digests: Sequence[str | RejectedFile],
    entries: Mapping[str, Entry | RejectedFile],
    parts: Collection[str] | None,
) -> Corpus:
    """The rows of all files, and the songs of those that are accepted: of byte-equal files the first."""
    songs: list[Song] = []
    rows: list[Row] = []
    first: dict[str, str] = {}  # digest: where it was seen first
    for file, digest in zip(files, digests, strict=True):
        name = _printable(file)
        if isinstance(digest, RejectedFile):
            rows.append(_row(name, "", digest, parts))
            continue
        entry = entries[digest]
        row = _row(name, digest, entry, parts)
        if first.setdefault(digest, name) != name:
            row = replace(row, accepted=False, reason=f"the same as {first[digest]}")
        rows.append(row)
        if row.accepted and isinstance(entry, Song):
            songs.append(replace(entry, name=name))
    return Corpus(tuple(songs), tuple(rows))


def _row(name: str, digest: str, entry: Entry | RejectedFile, parts: Collection[str] | None) -> Row:
    if not isinstance(entry, Song):
        return Row(name, digest, False, str(entry))
    events = len(np.unique(entry.notes.onset[entry.chosen(parts)]))
    end = int((entry.notes.onset + entry.notes.length).max())
    where = "its pitched parts" if parts is None else f"the chosen parts ({', '.join(parts)})"
    return Row(
        path=name,
        digest=digest,
        accepted=events >= _FEWEST,
        reason="" if events >= _FEWEST else f"fewer than two events in {where}",
        parts=tuple(f"{part.name}:{part.role}" for part in entry.parts),
        events=events,
        notes=len(entry.notes),
        bars=_bars(entry, end),
        quarters=round(end / entry.grid, 3),
    )


def _bars(song: Song, end: int) -> int:
    """Bars up to tick `end`, begun ones counted; a metre change begins one."""
    starts = [*song.metres[:, 0].tolist(), end]
    return sum(
        max(0, -(-(min(after, end) - start) // bar_length(song.grid, numerator, denominator)))
        for (start, numerator, denominator), after in zip(song.metres.tolist(), starts[1:], strict=True)
    )


def _check_parts(parts: Collection[str], songs: Iterable[Song]) -> None:
    """Raise UserError for a part name that no song has, naming the most common ones that there are."""
    there: Counter[str] = Counter()
    for song in songs:
        pitched = [part for part in song.parts if not part.drums]
        there.update({part.role for part in pitched} | {part.name.casefold().strip() for part in pitched})
    unknown = [name for name in parts if name.casefold().strip() not in there]
    if unknown and there:
        known = ", ".join(f"{name} ({count})" for name, count in there.most_common(12))
        more = f" and {len(there) - 12} more" if len(there) > 12 else ""
        drums = "; drums are kept, not learned" if "drums" in {name.casefold().strip() for name in unknown} else ""
        raise UserError(f"no song has a part {' or '.join(unknown)}{drums}; there are (songs): {known}{more}")


def _nothing_left(rows: Sequence[Row]) -> str:
    reasons = Counter(row.reason for row in rows).most_common(3)
    told = "; ".join(f"{reason} ({count})" for reason, count in reasons)
    return f"none of {len(rows)} files is a song to learn from: {told}"


def _printable(path: Path) -> str:
    """The path as text that any terminal or JSON file takes, even if its bytes are no UTF-8."""
    return os.fspath(path).encode("utf-8", "backslashreplace").decode()


def _silent(_done: int, _all: int) -> None:
    """No progress is asked for."""
