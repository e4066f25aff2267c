"""The search space of the offsets head."""

from __future__ import annotations

from search_spaces.timing import space

__all__ = ["space"]
