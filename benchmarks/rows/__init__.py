"""All rows of figures, by name."""

from __future__ import annotations

from benchmarks.rows.learning import LEARNING
from benchmarks.rows.music import MUSIC
from benchmarks.rows.reliability import RELIABILITY
from benchmarks.rows.row import GROUPS, Row
from benchmarks.rows.speed import SPEED

__all__ = ["GROUPS", "ROWS", "Row"]

ROWS: dict[str, Row] = {**LEARNING, **SPEED, **MUSIC, **RELIABILITY}
