"""``music21:QUERY`` in place of a file or folder: scores of music21's corpus, written once as MIDI files.

A query names a folder (``bach``), a score (``bach/bwv66.6``, ``bwv66.6``), or else what stands in titles and other
metadata (``Jesu``). Each file of the corpus is parsed once, in a worker, and its scores are kept in the cache folder
under names that depend on music21's version and on nothing else, beside a list of their hashes: the same files for each
later run, on any machine. Analyses without notes (``.rntxt``) are passed over.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import signal
import sys
import warnings
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path, PurePosixPath

from datamodules.corpus.finding import MUSIC21
from datamodules.corpus.music21_score import NoScore, score_song, scores_of
from datamodules.corpus.processes import cores, each, end_with_parent
from datamodules.corpus.workers import Progress
from datamodules.errors import UserError
from datamodules.files import read_whole, write_whole
from datamodules.midi.raw_bytes import Limits
from datamodules.midi.writing import midi_bytes

__all__ = ["Written", "written_scores"]

WRITER_VERSION = 1  # part of the folder's name: raise it when the same score would make other bytes
_FORMATS = ("mxl", "musicxml", "xml", "krn", "abc")  # of one score in several formats, the first is taken
_LARGEST = 1 << 24  # bytes of a list; the longest of the corpus has a thousandth
_DIED = "ends the process that parses it (out of memory?)"

_Wanted = Mapping[PurePosixPath, Collection[str]]  # by file of the corpus, the numbers of its scores; none are all


@dataclass(frozen=True)
class Written:
    """One score: its MIDI file, or where that would be and the reason why there is none."""

    path: Path
    digest: str
    reason: str = ""
    lasting: bool = True  # a score that was rejected is so again; not if its worker died


def written_scores(query: Path, cache: Path, progress: Progress) -> list[Written]:
    """The scores that a query finds, each written or told why not, in the order of their names.

    Args:
        query: as ``music21:bach``.
        cache: the cache folder.
        progress: called with the number of parsed files and of all that are not in the cache.

    Raises:
        UserError: music21 is not installed, it finds nothing, or the cache folder cannot be written.
    """
    try:
        from music21._version import __version__
        from music21.common import getCorpusFilePath
    except ImportError as error:
        raise UserError(f"{query}: needs music21, which cannot be imported ({error}): pip install music21") from error
    wanted = _find(os.fspath(query).removeprefix(MUSIC21).strip())
    folder = cache / "music21" / f"{__version__}-v{WRITER_VERSION}"
    known = {source: found for source in wanted if (found := _listed(folder, source)) is not None}
    unknown = [source for source in wanted if source not in known]
    try:
        for done, (source, found) in enumerate(_written(unknown, Path(getCorpusFilePath()), folder), start=1):
            known[source] = found
            progress(done, len(unknown))
    except OSError as error:
        told = error.strerror or error
        raise UserError(
            f"{query}: its songs are written to {folder}, but: {told}; set TRITONE_CACHE to a folder"
        ) from error
    return [
        score
        for source, numbers in wanted.items()
        for number, score in known[source].items()
        if not numbers or number in numbers
    ]


def _find(query: str) -> _Wanted:
    """The files that a query names, in order."""
    from music21.common import getCorpusFilePath
    from music21.corpus.corpora import CoreCorpus

    root = Path(getCorpusFilePath())
    best: dict[PurePosixPath, PurePosixPath] = {}  # by name without ending
    for path in CoreCorpus().getPaths(fileExtensions=_FORMATS):
        source = PurePosixPath(path.relative_to(root).as_posix())
        if source.suffix[1:] not in _FORMATS:  # music21 adds endings that it takes for the same
            continue
        best[source.with_suffix("")] = min(source, best.get(source.with_suffix(""), source), key=_rank)
    words = PurePosixPath(query.casefold()).parts
    named = [source for source in sorted(best.values()) if words and _is_called(source, words)]
    if named:
        return dict.fromkeys(named, ())
    taken: dict[PurePosixPath, set[str]] = {}
    for entry in CoreCorpus().search(query) if query else ():
        if found := best.get(PurePosixPath(entry.sourcePath).with_suffix("")):
            taken.setdefault(found, set()).add(str(entry.number or ""))
    if not taken:
        raise UserError(_nothing(query, best.values()))
    return {source: taken[source] - {""} for source in sorted(taken)}


def _rank(source: PurePosixPath) -> int:
    return _FORMATS.index(source.suffix[1:])


def _is_called(source: PurePosixPath, words: tuple[str, ...]) -> bool:
    """Whether the words are neighbours in the path, the file's ending given or not."""
    text = source.as_posix().casefold()
    return any(
        parts[start : start + len(words)] == words
        for parts in (PurePosixPath(text).parts, PurePosixPath(text).with_suffix("").parts)
        for start in range(len(parts))
    )


def _nothing(query: str, sources: Collection[PurePosixPath]) -> str:
    """What to say of a query that finds nothing: near names, or else the folders."""
    folders = ", ".join(sorted({source.parts[0] for source in sources}))
    if not query:
        return f"{MUSIC21} names no songs: give a folder of music21's corpus, as music21:bach; there are {folders}"
    bare = [source.with_suffix("") for source in sorted(sources)]
    names = {part.casefold(): part for source in bare for part in reversed(source.parts)}
    last = PurePosixPath(query.casefold()).name
    near = ", ".join(names[name] for name in difflib.get_close_matches(last, names, n=5, cutoff=0.7))
    told = f"near names: {near}" if near else f"its folders: {folders}"
    return f"{MUSIC21}{query}: nothing in music21's corpus is called so or has it in its title; {told}"


def _target(folder: Path, source: PurePosixPath, number: str) -> Path:
    """Where the MIDI file of a score is; a collection's scores have a folder of their own."""
    whole = folder / source.with_suffix("")
    return whole / f"{number}.mid" if number else whole.with_name(f"{whole.name}.mid")


def _list_of(folder: Path, source: PurePosixPath) -> Path:
    return folder / source.with_name(f"{source.name}.json")


def _listed(folder: Path, source: PurePosixPath) -> dict[str, Written] | None:
    """What is known of a file of the corpus by number, or None unless all of it is there as it was written."""
    found: dict[str, Written] = {}
    try:
        for number, digest, reason in json.loads(read_whole(_list_of(folder, source), _LARGEST)):
            if not re.fullmatch(r"[\w-]*", number, re.ASCII) or not isinstance(reason, str):
                return None
            score = Written(_target(folder, source, number), digest, reason)
            if not reason and hashlib.sha256(read_whole(score.path, Limits.bytes)).hexdigest() != digest:
                return None
            found[number] = score
    except (OSError, ValueError, TypeError, RecursionError):
        return None  # absent or damaged: to be written again
    return found


def _written(
    sources: list[PurePosixPath], root: Path, folder: Path
) -> Iterator[tuple[PurePosixPath, dict[str, Written]]]:
    """Parse files in worker processes and write their scores, in the order of completion."""
    work = partial(_write_or_tell, root, folder)
    for source, found in each(_pool, work, sources, min(len(sources), cores())):
        if isinstance(found, OSError):
            raise found
        died = {"": Written(_target(folder, source, ""), "", _DIED, lasting=False)}
        yield source, died if found is None else found


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, get_context("spawn"), _prepare)


def _prepare() -> None:
    """In a worker: Ctrl-C ends it at once, and what music21 has to say of a score is for nobody to read."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for the life of the process
    warnings.simplefilter("ignore")


def _write_or_tell(root: Path, folder: Path, source: PurePosixPath) -> dict[str, Written] | OSError:
    """In a worker: what `_write` did, or why nothing can be written there."""
    try:
        return _write(root, folder, source)
    except OSError as error:
        return error


def _write(root: Path, folder: Path, source: PurePosixPath) -> dict[str, Written]:
    """In a worker: parse one file of the corpus, write its scores, and last the list of them."""
    found: dict[str, Written] = {}
    try:
        scores = scores_of(root / source)
    except Exception as error:  # music21 raises anything for what it cannot parse
        found[""] = Written(_target(folder, source, ""), "", _reason("parsed", error), _lasts(error))
        scores = []
    for number, score in scores:
        target = _target(folder, source, number)
        try:
            data = midi_bytes(score_song(score))
        except Exception as error:
            found[number] = Written(target, "", _reason("played", error), _lasts(error))
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, data)
        found[number] = Written(target, hashlib.sha256(data).hexdigest())
    if all(score.lasting for score in found.values()):
        rows = [[number, score.digest, score.reason] for number, score in found.items()]
        path = _list_of(folder, source)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(rows).encode())
    return found


def _reason(what: str, error: Exception) -> str:
    text = " ".join(str(error).split())[:120]
    return text if isinstance(error, NoScore) else f"cannot be {what} by music21 ({type(error).__name__}: {text})"


def _lasts(error: Exception) -> bool:
    return not isinstance(error, MemoryError)
