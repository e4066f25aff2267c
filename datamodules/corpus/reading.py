"""Files and folders to songs: read in parallel, cached by content; a row for every file says what became of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from datamodules.corpus.cache import Entry, SongCache, default_cache
from datamodules.corpus.finding import find_files, is_query, near_file, printable
from datamodules.corpus.music21_songs import written_scores
from datamodules.corpus.rows import Row, row_of
from datamodules.corpus.workers import Progress, read_files
from datamodules.errors import UserError, did_you_mean
from datamodules.midi.raw_bytes import Limits, RejectedFile
from datamodules.midi.reading import bytes_of
from datamodules.song import DEFAULT_GRID, Song, check_grid

__all__ = ["Corpus", "file_of", "named_song", "read_corpora", "read_corpus", "read_song"]


@dataclass(frozen=True)
class Corpus:
    """The accepted songs, in the order of their rows, and a row for every file."""

    songs: tuple[Song, ...]
    rows: tuple[Row, ...]


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
        paths: files and folders, see `find_files`, and queries as ``music21:bach``, see `written_scores`.
        grid: ticks a quarter note.
        parts: roles or part names whose events are counted; None means all pitched parts. The songs keep all parts.
        limits: what one file may cost.
        progress: called with the number of files done and of all files; before that, of the scores of a query.
        cache: the cache folder; None means `default_cache()`.

    Raises:
        UserError: a path does not exist, a query finds nothing, no song is left, or no song has one of the named parts.
    """
    (corpus,) = read_corpora([paths], grid=grid, parts=parts, limits=limits, progress=progress, cache=cache)
    return corpus


def read_corpora(
    groups: Sequence[Sequence[Path]],
    *,
    grid: int = DEFAULT_GRID,
    parts: Collection[str] | None = None,
    known_parts: bool = False,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    progress: Progress | None = None,
    cache: Path | None = None,
) -> list[Corpus]:
    """`read_corpus` of each group of paths, for songs that belong together: a part may be named that one group lacks.

    Args:
        known_parts: whether `parts` are known to be right, so that all songs may lack one.

    Raises:
        UserError: as `read_corpus`; no song is left in a group, or no song of any has one of the named parts.
    """
    progress = progress or _silent
    corpora, songs = [], []
    for paths in groups:
        files, closed = _found(paths, cache, progress)
        digests, entries = _read(files, grid, limits, cache, progress)
        there = [entry for entry in entries.values() if isinstance(entry, Song)]
        corpus = _sorted_out(files, digests, entries, parts)
        corpora.append(Corpus(corpus.songs, (*corpus.rows, *closed)))
        if not there:  # else the parts may be what is wrong, which only all songs together tell
            _check_left(corpora[-1])
        songs += there
    if parts is not None and not known_parts:
        _check_parts(parts, songs)
    for corpus in corpora:
        _check_left(corpus)
    return corpora


def read_song(
    path: Path,
    *,
    grid: int = DEFAULT_GRID,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    cache: Path | None = None,
) -> Song:
    """Read one file as `read_corpus` does, from the cache or in a worker; whatever there is to learn from it.

    Raises:
        RejectedFile: it cannot be read as a song, or is a query that finds several.
        UserError: a query finds nothing.
    """
    path = file_of(path, cache)
    (digest,), entries = _read([path], grid, limits, cache, _silent)
    entry = digest if isinstance(digest, RejectedFile) else entries[digest]
    if not isinstance(entry, Song):
        raise RejectedFile(str(entry))
    return replace(entry, name=printable(path))


def file_of(path: Path, cache: Path | None = None) -> Path:
    """The file that a path stands for: itself, or the score that a query finds.

    Raises:
        RejectedFile: it is a query that finds several.
        UserError: a query finds nothing.
    """
    if not is_query(path):
        return path
    files, _ = _found([path], cache, _silent)
    if len(files) > 1:
        raise RejectedFile(f"stands for {len(files)} scores")
    return files[0]


def named_song(
    option: str,
    path: Path,
    *,
    grid: int = DEFAULT_GRID,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Song:
    """`read_song` of the file that an option names, as "--prime".

    Raises:
        UserError: it cannot be read as a song; with the option, and a file beside it that may have been meant.
    """
    try:
        return read_song(path, grid=grid, limits=limits)
    except RejectedFile as error:
        raise UserError(f"{option} {path}: {error}; choose another song{near_file(path)}") from error


def _found(paths: Sequence[Path], cache: Path | None, progress: Progress) -> tuple[list[Path], list[Row]]:
    """The files that paths and queries stand for, and a row for all else that was found there.

    Those of queries come last, in the order of their names in music21's corpus, wherever the cache folder is.
    """
    closed: list[Row] = []

    def note(folder: Path, error: OSError) -> None:
        closed.append(Row(printable(folder), "", False, f"the folder cannot be read ({error.strerror})"))

    files = dict.fromkeys(find_files([path for path in paths if not is_query(path)], note))
    for query in filter(is_query, paths):
        for score in written_scores(query, cache if cache is not None else default_cache(), progress):
            if score.reason:
                closed.append(Row(printable(score.path), "", False, score.reason))
            else:
                files[score.path] = None
    if not files and closed:
        raise UserError(f"{closed[0].path}: {closed[0].reason}; no MIDI file was found elsewhere")
    if not files:
        raise UserError(
            f"no .mid or .midi file in {', '.join(map(str, paths)) or 'nothing'}; name songs or their folder"
        )
    return list(files), closed


def _digest(file: Path, limits: Limits) -> str | RejectedFile:
    """The SHA-256 of the file's bytes, or why they are not even looked at."""
    try:
        return hashlib.sha256(bytes_of(file, limits)).hexdigest()
    except RejectedFile as rejected:
        return rejected.with_traceback(None)


def _read(
    files: Sequence[Path], grid: int, limits: Limits, cache: Path | None, progress: Progress
) -> tuple[list[str | RejectedFile], dict[str, Entry | RejectedFile]]:
    """Each file's digest, and what each digest is: from the cache, else read (equal files once) and put there."""
    store = SongCache(cache if cache is not None else default_cache(), check_grid(grid), limits)
    digests: list[str | RejectedFile] = []
    entries: dict[str, Entry | RejectedFile] = {}
    unread: dict[str, Path] = {}
    for file in files:
        digest = _digest(file, limits)
        digests.append(digest)
        if isinstance(digest, str) and digest not in entries and digest not in unread:
            known = store.get(digest)
            if known is None:
                unread[digest] = file
            else:
                entries[digest] = known
        progress(len(digests) - len(unread), len(files))
    wanted = list(unread)
    for done, (row, outcome) in enumerate(read_files(list(unread.values()), grid, limits), start=1):
        entries[wanted[row]] = _kept(wanted[row], unread[wanted[row]], outcome, store, limits)
        progress(len(files) - len(unread) + done, len(files))
    return digests, entries


def _kept(
    digest: str, file: Path, outcome: Song | RejectedFile, store: SongCache, limits: Limits
) -> Song | RejectedFile:
    """The outcome of reading the bytes with this digest, put into the cache if it will be the same again."""
    now = outcome.digest if isinstance(outcome, Song) else _digest(file, limits) if outcome.lasting else digest
    if now != digest:
        return RejectedFile("changed while it was read; try again", lasting=False)
    if isinstance(outcome, Song):
        store.put(digest, outcome)
    elif outcome.lasting:
        store.put(digest, str(outcome))
    return outcome


def _sorted_out(
    files: Sequence[Path],
    digests: Sequence[str | RejectedFile],
    entries: Mapping[str, Entry | RejectedFile],
    parts: Collection[str] | None,
) -> Corpus:
    """The rows of all files, and the songs of those that are accepted: of byte-equal files the first."""
    songs: list[Song] = []
    rows: list[Row] = []
    first: dict[str, Row] = {}  # by digest
    for file, digest in zip(files, digests, strict=True):
        name = printable(file)
        if isinstance(digest, RejectedFile):
            rows.append(row_of(name, "", digest, parts))
        elif digest in first:
            reason = first[digest].reason or f"the same as {first[digest].path}"
            rows.append(replace(first[digest], path=name, accepted=False, reason=reason))
        else:
            entry = entries[digest]
            first[digest] = row_of(name, digest, entry, parts)
            rows.append(first[digest])
            if first[digest].accepted and isinstance(entry, Song):
                songs.append(replace(entry, name=name))
    return Corpus(tuple(songs), tuple(rows))


def _check_parts(parts: Collection[str], songs: Sequence[Song]) -> None:
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
        near = did_you_mean(unknown[0].strip(), there)
        raise UserError(f"no song has a part {' or '.join(unknown)}{drums}; there are (songs): {known}{more}{near}")


def _check_left(corpus: Corpus) -> None:
    """Raise UserError if there is no song to learn from, with the most common reasons why."""
    if not corpus.songs:
        reasons = Counter(row.reason for row in corpus.rows).most_common(3)
        told = "; ".join(f"{reason} ({count})" for reason, count in reasons)
        raise UserError(f"none of {len(corpus.rows)} files is a song to learn from: {told}")


def _silent(_done: int, _all: int) -> None:
    """No progress is asked for."""
