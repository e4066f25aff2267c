"""What a head trains on: its column on the run's own split and, if it is searched over folds, once a fold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from datamodules.baselines.averages import Figures, baselines
from datamodules.column_spec import ColumnSpec
from datamodules.columns import Column
from datamodules.folds import make_folds
from datamodules.vocabulary import Value
from experiments.dataset import Dataset
from experiments.progress import bar

__all__ = ["Columns", "columns_of"]


@dataclass(frozen=True)
class Columns:
    """A head's column.

    Attributes:
        own: on the run's own split: what the winner is trained and scored on.
        folds: one a fold; none if the search is on the run's own split too.
    """

    own: Column
    folds: tuple[Column, ...] = ()

    @property
    def searched(self) -> Sequence[Column]:
        """What a trial of the search trains on."""
        return self.folds or (self.own,)

    def prepared(self) -> Columns:
        """Itself, with all that windows are cut from laid out, see `Column.prepared`."""
        for column in (self.own, *self.folds):
            column.prepared()
        return self

    @property
    def targets(self) -> list[int]:
        """How many targets each fold is scored on."""
        return [len(column.targets(column.valid_part)) for column in self.folds]

    @cached_property
    def baselines(self) -> dict[str, Figures]:
        """What the winner is held against."""
        return baselines(self.own, self.own.valid_part)

    @cached_property
    def searched_baselines(self) -> dict[str, Figures]:
        """What the trials are held against: over folds, each target of all folds once."""
        if not self.folds:
            return self.baselines
        found, counts = [], self.targets
        with bar("baselines of the folds") as advance:  # no trial has begun: of many songs they take minutes
            for column in self.folds:
                found.append(baselines(column, column.valid_part))
                advance(len(found), len(self.folds))
        return {
            name: {
                figure: sum(one[name][figure] * count for one, count in zip(found, counts, strict=True)) / sum(counts)
                for figure in figures
                if figure in ("nats", "mae")
            }
            for name, figures in found[0].items()
        }


def columns_of(
    dataset: Dataset, spec: ColumnSpec, folds: int, seed: int, also: Collection[Value] = (), *, form: bool = False
) -> Columns:
    """The column of a head over a run's songs.

    Args:
        folds: how many, over the songs of training and validation; 1 for the run's own split alone.
        also: values that the vocabulary holds beside those of the training part.
        form: whether networks may see where events stand in their songs' forms.

    Raises:
        UserError: there are fewer different songs than folds.
    """
    splits = make_folds(dataset.split, dataset.events, folds, seed) if folds > 1 else ()
    own, *others = dataset.columns(spec, (dataset.split, *splits), also, form=form)
    return Columns(own, tuple(others))
