"""The durations head: how long the next event sounds, or each of its notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightning_modules.config import DurationsConfig
from lightning_modules.encoder import Inputs
from lightning_modules.outputs.lengths import LengthsOutput
from lightning_modules.timing import TimingHead

__all__ = ["DurationsHead"]


class DurationsHead(TimingHead):
    """Ticks that the event sounds; of `config.grain` note, a categorical for each of its notes, which are known."""

    config: DurationsConfig

    def __init__(self, config: DurationsConfig, inputs: Inputs, values: Sequence[int], **ticks: Any) -> None:
        output = LengthsOutput if config.grain == "note" else None
        super().__init__(config, inputs, values, output=output, **ticks)
