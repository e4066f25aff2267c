"""The offsets head: how long after the one before it the next event starts."""

from __future__ import annotations

from lightning_modules.timing import TimingHead

__all__ = ["OffsetsHead"]


class OffsetsHead(TimingHead):
    """Ticks from the onset before."""
