"""A head's columns in Ray's object store: put there once for all its trials, and gone when the head is done."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import ray

from datamodules.columns import Column
from datamodules.errors import first_line
from experiments.initial import Initial
from experiments.search.plan import SearchPlan
from experiments.search.trial.columns import Columns

__all__ = ["Stored", "stored"]


class Stored(str):
    """Where a trial finds its columns; the configuration that Tune sends to its worker carries it.

    What `tune.with_parameters` is given is kept until the driver ends, and so is what Tune pickles on its own: an
    object that a pickle refers to is never let go. Tune pickles what JSON does not know, so this is a text for JSON.

    Attributes:
        reference: of the object; None once the head is done.
        own: whether the trial trains on the run's own split, whatever is searched.
    """

    reference: Any
    own: bool

    def __new__(cls, reference: Any, *, own: bool = False) -> Self:
        found = super().__new__(cls, "in the object store")
        found.reference, found.own = reference, own
        return found

    def __getnewargs_ex__(self) -> tuple[tuple[Any], dict[str, bool]]:
        return (self.reference,), {"own": self.own}

    def __deepcopy__(self, memo: object) -> Self:
        return self  # Tune copies its configurations

    def __getstate__(self) -> None:
        """The arguments are all."""

    def on_own_split(self) -> Stored:
        """The same for trials on the run's own split."""
        return Stored(self.reference, own=True)

    def fetch(self) -> tuple[Sequence[Column], Initial | None]:
        """The column, or one a fold, and the weights to go on from, shared read-only between a node's workers."""
        columns, initial = ray.get(self.reference)
        return (columns.own,) if self.own else columns.searched, initial


@contextmanager
def stored(columns: Columns, plan: SearchPlan) -> Iterator[Stored]:
    """A head's columns and the weights that its trials go on from, for as long as the head is searched.

    Raises:
        EndedError: there is no room for them, neither in the object store nor on the disk that it goes on to.
    """
    try:
        found = Stored(ray.put((columns.prepared(), plan.initial)))
    except Exception as error:  # Ray's own: a store, or a disk, that is full
        reason = f"the songs cannot be put into Ray's object store: {type(error).__name__}: {first_line(error)}"
        raise plan.ended(reason) from error
    try:
        yield found
    finally:
        found.reference = None
        gc.collect()  # Tune's trials refer to each other, and would keep it for a while
