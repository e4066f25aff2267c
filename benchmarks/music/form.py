"""How well the form of songs is found where it is known, beside trivial answers.

    python -m benchmarks.music.form [FOLDER ...] [--count N] [--seed N] [--json FILE]

The bundled songs, whose scores tell their sections; and of each FOLDER of MIDI files, N songs put together of pieces of
its songs (benchmarks/music/assembled.py), as they are, and with a fifth of the notes of what comes again moved. Judged
with mir_eval: boundaries (trimmed, within a bar; F1), pairs of bars with one label (F1), adjusted Rand index.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Annotated, Any, NamedTuple

import mir_eval
import numpy as np
import tyro

from benchmarks.measured import tell
from benchmarks.music.assembled import Told, assembled
from datamodules.corpus.reading import read_corpus
from datamodules.form.bars import bars_of
from datamodules.form.finding import Section, find_form
from datamodules.midi.reading import read_midi
from songs import bundled
from songs.compose import form

__all__ = ["Agreement", "agreement", "one_label", "random_labels"]

VARIED = 0.2


class Agreement(NamedTuple):
    """How far two forms of a song agree."""

    boundaries: float
    pairs: float
    rand: float


@dataclass(frozen=True)
class Options:
    """How well the form of songs is found."""

    folders: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="[FOLDER ...]")] = ()
    """of MIDI files, whose songs are cut up"""
    count: int = 40
    """songs put together of each folder, as they are, and varied"""
    seed: int = 7
    """of what is put together"""
    json: Path | None = None
    """write the figures here too"""


def agreement(told: Sequence[Section], heard: Sequence[Section]) -> Agreement:
    """Boundaries, pairs and adjusted Rand index of what was heard, against what was told; times are bars."""
    (true, labels), (found, other) = _intervals(told), _intervals(heard)
    end = max(true[-1, 1], found[-1, 1])
    true[-1, 1] = found[-1, 1] = end  # a last note that sounds on over the end is a bar of its own
    boundaries = float(len(true) == len(found))
    if len(true) > 1 and len(found) > 1:  # without a boundary inside there is nothing left to trim
        *_, boundaries = mir_eval.segment.detection(true, found, window=1.0, trim=True)
    *_, pairs = mir_eval.segment.pairwise(true, labels, found, other, frame_size=1.0)
    return Agreement(boundaries, pairs, mir_eval.segment.ari(true, labels, found, other, frame_size=1.0))


def one_label(bars: int) -> tuple[Section, ...]:
    """One section."""
    return (Section("A", 0, bars),)


def random_labels(bars: int, seed: int) -> tuple[Section, ...]:
    """Sections of eight bars with labels by chance."""
    chance = random.Random(seed)
    return tuple(Section(chance.choice("ABC"), first, min(8, bars - first)) for first in range(0, bars, 8))


def _intervals(sections: Sequence[Section]) -> tuple[np.ndarray, list[str]]:
    rows = [[section.first, section.first + section.bars] for section in sections]
    return np.array(rows, float), [section.label for section in sections]


def judged(songs: Sequence[Told]) -> dict[str, list[float]]:
    """The means over songs, of what is found and of the trivial answers."""
    bars = [len(bars_of(told.song)) for told in songs]
    answers = {
        "found": [find_form(told.song).sections for told in songs],
        "one label": [one_label(count) for count in bars],
        "random labels": [random_labels(count, number) for number, count in enumerate(bars)],
    }
    rows = {
        name: [agreement(told.sections, heard) for told, heard in zip(songs, heard_of, strict=True)]
        for name, heard_of in answers.items()
    }
    return {name: [mean(column) for column in zip(*scores, strict=True)] for name, scores in rows.items()}


def measure(options: Options) -> dict[str, Any]:
    """The figures, each as [boundaries, pairs, adjusted Rand index]."""
    known = [Told(read_midi(path), tuple(Section(*row) for row in form(path.stem))) for path in bundled()]
    sets = {"bundled songs": known}
    for folder in options.folders:
        songs = read_corpus([folder]).songs
        for varied in (0.0, VARIED):
            name = f"{folder.name}, {'varied' if varied else 'as they are'}"
            sets[name] = assembled(songs, options.count, varied=varied, seed=options.seed)
    return {f"{name}: {answer}": row for name, told in sets.items() for answer, row in judged(told).items()}


def main() -> None:
    """The command."""
    options = tyro.cli(Options)
    tell("form", "The form of songs: boundaries, pairs (F1 each), adjusted Rand index", measure(options), options.json)


if __name__ == "__main__":
    main()
