"""What `explore` knows of songs and columns, as plain figures; how they are shown is not known here.

All distributions are of the training targets. Held-out validation targets are compared with them, and test targets are
counted, never looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.baselines.averages import Figures, baselines
from datamodules.column_spec import ColumnSpec
from datamodules.columns import Column
from datamodules.corpus.rows import Row
from datamodules.keys import Key
from datamodules.song import Part, Song
from datamodules.splits import TRAIN
from datamodules.vocabulary import PITCHES, Value
from datamodules.weights import WEIGHTINGS, Weighting, weights
from experiments.dataset import Dataset
from experiments.heads import HEADS

__all__ = ["SCHEMES", "TOP", "ColumnSummary", "SongSummary", "Summary", "WeightSummary", "plain", "summarise"]

SCHEMES = tuple(scheme for scheme in WEIGHTINGS if scheme != "none")  # that are not all ones
TOP = 10  # values a column that are told one by one


@dataclass(frozen=True)
class SongSummary:
    """An accepted file.

    Attributes:
        use: what it is for: train, valid, test, tail or none.
        quarters: how long it is, in quarter notes.
        tempos: the slowest and the fastest, in quarter notes a minute.
        metres, keys: each once, in order of appearance ("6/8", "A minor"); a song need not say its key.
    """

    path: str
    use: str
    events: int
    notes: int
    bars: int
    quarters: float
    parts: tuple[Part, ...]
    tempos: tuple[float, float]
    metres: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its file's name without the ending."""
        return plain(PurePath(self.path).stem)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        parts = [{"name": part.name, "role": part.role, "program": int(part.program)} for part in self.parts]
        return {**self.__dict__, "parts": parts} | {name: list(getattr(self, name)) for name in _LISTS}


_LISTS = ("tempos", "metres", "keys")


@dataclass(frozen=True)
class WeightSummary:
    """What a weighting makes of a column's training windows.

    Attributes:
        by_value: the weight of a window by its target, shape (values,), in the column's order; mean over windows 1.
        effective: the effective sample size after Kish, (sum w)^2 / sum w^2: so many equal windows would make the
            gradient as noisy.
        once: the share of the loss that goes to targets that occur once.
        cost: nats an event by which the best model without context under these weights is worse than the best under
            none, unweighted: the divergence of the targets' distribution from its weighted self.
    """

    by_value: NDArray[np.float64]
    effective: float
    once: float
    cost: float

    def to_json(self) -> dict[str, float]:
        """Plain data."""
        span = {"min": float(self.by_value.min()), "max": float(self.by_value.max())}
        return {**span, "effective_windows": self.effective, "loss_share_of_once": self.once, "cost_nats": self.cost}


@dataclass(frozen=True)
class ColumnSummary:
    """How a column's training targets are distributed; V different values.

    Attributes:
        spec: the head's column.
        grid: ticks a quarter note.
        values: the different targets, the most frequent first.
        counts: how often each is a target, int64 (V,).
        vocabulary: the values that a network is told of: V, and those that only open songs.
        outside: the share of the validation targets that are not among them; None where nothing is held out.
        weights: by scheme.
    """

    spec: ColumnSpec
    grid: int
    values: tuple[Value, ...]
    counts: NDArray[np.int64]
    vocabulary: int
    outside: float | None
    weights: Mapping[Weighting, WeightSummary]

    @property
    def name(self) -> str:
        """The head's name."""
        return self.spec.name

    @property
    def targets(self) -> int:
        """How many training targets there are."""
        return int(self.counts.sum())

    @property
    def once(self) -> int:
        """How many values occur once."""
        return int(np.count_nonzero(self.counts == 1))

    @property
    def entropy(self) -> float:
        """Of the training targets, in nats."""
        shares = self.counts / self.counts.sum()
        return float(abs((shares * np.log(shares)).sum()))  # abs: a single value has -0.0

    @property
    def half(self) -> int:
        """How many of the most frequent values make at least half of the targets."""
        return int(np.searchsorted(np.cumsum(self.counts), self.targets / 2)) + 1

    def label(self, value: Value) -> str:
        """A chord's token, or a number of units as a fraction; with a + for what may be longer."""
        longest = self.spec.timed and value == self.spec.highest(self.grid)
        return self.spec.told(value, self.grid) + ("+" if longest else "")

    def pitches(self) -> NDArray[np.int64]:
        """How many training targets hold each pitch, shape (128,); zeros for numbers."""
        found = np.zeros(PITCHES, dtype=np.int64)
        for value, count in zip(self.values, self.counts.tolist(), strict=True):
            if not isinstance(value, int):
                found[list(value)] += count
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        top = [
            {"value": self.label(value), "count": int(self.counts[i])}
            | {scheme: float(found.by_value[i]) for scheme, found in self.weights.items()}
            for i, value in enumerate(self.values[:TOP])
        ]
        return {
            "targets": self.targets,
            "vocabulary": self.vocabulary,
            "once": self.once,
            "entropy": self.entropy,
            "most_frequent_share": int(self.counts[0]) / self.targets,
            "values_for_half": self.half,
            "validation_outside_vocabulary": self.outside,
            "weights": {scheme: found.to_json() for scheme, found in self.weights.items()},
            "top": top,
            "counts": {self.label(v): c for v, c in zip(self.values, self.counts.tolist(), strict=True)},
        }


@dataclass(frozen=True)
class Summary:
    """Everything that `explore` shows.

    Attributes:
        rejected: the rows of the files that are not used.
        split: how the targets were split, in one line.
        valid_label: what figures on the validation targets must be called.
        leakage: of validation, a share or None (too short) for each column and for the triples; {} if nothing is held
            out.
        columns: a summary a head.
        baselines: of each column on validation; {} if they were not asked for.
    """

    songs: tuple[SongSummary, ...]
    rejected: tuple[Row, ...]
    split: str
    valid_label: str
    leakage: Mapping[str, float | None]
    columns: tuple[ColumnSummary, ...]
    baselines: Mapping[str, Mapping[str, Figures]]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "songs": [song.to_json() for song in self.songs],
            "rejected": [{"path": row.path, "reason": row.reason} for row in self.rejected],
            "split": self.split,
            "validated_on": self.valid_label,
            "leakage_of_validation": dict(self.leakage),
            "columns": {column.name: column.to_json() for column in self.columns},
            "baselines": {name: dict(found) for name, found in self.baselines.items()},
        }


def summarise(dataset: Dataset, *, with_baselines: bool) -> Summary:
    """Look at all songs that were read, and at the training part of every column."""
    accepted = [(row, use) for row, use in dataset.rows if row.accepted]
    split = dataset.split
    columns = [dataset.column(spec.column) for spec in HEADS.values()]
    on = split.valid_part
    return Summary(
        songs=tuple(_song(row, use, song) for (row, use), song in zip(accepted, dataset.songs, strict=True)),
        rejected=tuple(row for row, _ in dataset.rows if not row.accepted),
        split=split.describe(),
        valid_label=split.valid_label,
        leakage=dataset.leakage(on),
        columns=tuple(summarise_column(column) for column in columns),
        baselines={c.spec.name: baselines(c, on, on) for c in columns} if with_baselines else {},
    )


def summarise_column(column: Column) -> ColumnSummary:
    """Count the training targets of a column, and weigh them."""
    train = column.ids[column.targets(TRAIN)]
    counts = np.bincount(train, minlength=len(column.vocabulary))
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    held = column.ids[column.targets(column.valid_part)] if column.valid_part != TRAIN else None
    return ColumnSummary(
        spec=column.spec,
        grid=column.grid,
        values=tuple(column.lexicon[i] for i in order.tolist()),
        counts=counts[order],
        vocabulary=len(column.vocabulary),
        outside=None if held is None else float((held >= len(column.vocabulary)).mean()),
        weights={scheme: _weigh(train, counts, order, scheme) for scheme in SCHEMES},
    )


def _weigh(
    train: NDArray[np.int32], counts: NDArray[np.int64], order: NDArray[np.int64], scheme: Weighting
) -> WeightSummary:
    by_window = weights(train, scheme).astype(np.float64)
    by_id = np.zeros(len(counts))
    by_id[train] = by_window
    share = counts[order] / counts.sum()
    weighted = by_id[order] * counts[order] / by_window.sum()
    return WeightSummary(
        by_value=by_id[order],
        effective=float(by_window.sum() ** 2 / np.square(by_window).sum()),
        once=float(by_id[counts == 1].sum() / by_window.sum()),
        cost=float((share * np.log(share / weighted)).sum()),
    )


def _song(row: Row, use: str, song: Song) -> SongSummary:
    tempos = song.tempos[:, 1]
    return SongSummary(
        path=row.path,
        use=use,
        events=row.events,
        notes=row.notes,
        bars=row.bars,
        quarters=row.quarters,
        parts=song.parts,
        tempos=(round(float(tempos.min()), 2), round(float(tempos.max()), 2)),
        metres=tuple(dict.fromkeys(f"{above}/{below}" for _, above, below in song.metres.tolist())),
        keys=tuple(dict.fromkeys(Key(*key).name for _, *key in song.keys.tolist())),
    )


def plain(text: str) -> str:
    """A stranger's text without what a terminal would obey or a picture cannot draw."""
    return "".join(letter if letter.isprintable() else "?" for letter in text).strip()
