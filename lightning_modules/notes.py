"""The notes head: which pitches sound next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightning_modules.config import NotesConfig
from lightning_modules.encoder import Encoder, Inputs
from lightning_modules.head import Head
from lightning_modules.outputs.output import Output
from lightning_modules.outputs.spelling import FactoredOutput
from lightning_modules.outputs.token import TokenOutput

__all__ = ["NotesHead"]


class NotesHead(Head):
    """Chords, spelled pitch by pitch or as a softmax over the vocabulary's (`config.output`).

    Args:
        config: the hyperparameters.
        inputs: what it sees.
        values: the vocabulary's V chords, by id. Inputs are ids 0 to V - 1, V = <unknown>, V + 1 = <start>.
        timing: the timing heads' arguments; taken so that all heads are built alike, and not used.

    Raises:
        ValueError: an empty vocabulary.
    """

    config: NotesConfig

    def __init__(self, config: NotesConfig, inputs: Inputs, values: Sequence[tuple[int, ...]], **timing: Any) -> None:
        if not values:
            raise ValueError("the vocabulary holds no chord")
        encoder = Encoder(inputs, config.embedding)
        output: Output = FactoredOutput(config.hidden)
        if config.output == "token":
            output = TokenOutput(config.hidden, values, encoder.ids if config.tied == "yes" else None)
        super().__init__(config, encoder, output)
