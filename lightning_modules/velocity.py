"""The velocity head: how loud the next event is, its loudest note."""

from __future__ import annotations

from lightning_modules.timing import TimingHead

__all__ = ["VelocityHead"]


class VelocityHead(TimingHead):
    """MIDI velocities from 1 to 127."""
