"""The search space of the velocity head."""

from __future__ import annotations

from search_spaces.timing import space

__all__ = ["space"]
