"""A winner's network as the boxes of a drawing, from the inputs to the output, each with its size and its weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from experiments.figures import many
from experiments.winners import Winner
from lightning_modules.backbones import BACKBONES

__all__ = ["Box", "boxes"]

INPUTS = {"own": "its own column", "context": "all columns, the beat, the loudness"}


@dataclass(frozen=True)
class Box:
    """A layer.

    Attributes:
        kind: of page.css: input, embedding, lstm, dense, norm, dropout, output.
        name: of the layer.
        size: of what goes in and out, in words.
        width: numbers that come out at a position, which the box is drawn as wide as; 0 for as wide as the last one.
        weights: how many it has.
    """

    kind: str
    name: str
    size: str
    width: int = 0
    weights: int = 0


def boxes(winner: Winner) -> list[Box]:
    """The layers in order."""
    return list(_boxes(winner))


def _boxes(winner: Winner) -> Iterator[Box]:
    config = winner.config
    window, embedding, hidden = config.window, config.embedding, config.hidden
    seen = INPUTS.get(config.inputs, config.inputs) + (", the place in the form" if config.form == "plan" else "")
    yield Box("input", f"the last {window} events", seen)
    size = f"{window} positions × {embedding}"
    yield Box("embedding", "Embedding", size, embedding, _weights(winner, "encoder."))
    layer_name, before = BACKBONES[config.backbone].layer, embedding
    name = layer_name[:1].upper() + layer_name[1:]
    slot = 0
    for layer in range(config.lstm_layers):
        last = layer == config.lstm_layers - 1
        positions = config.tail if last else window
        size = f"{before} → {hidden}, {many(positions, 'position')} kept"
        yield Box("lstm", name, size, hidden, _weights(winner, f"stack.backbone.{layer}."))
        yield from _slot(winner, slot)
        before, slot = hidden, slot + 1
    for layer in range(config.dense_layers):
        yield Box("dense", "Dense, ReLU", f"{hidden} → {hidden}", hidden, _weights(winner, f"stack.dense.{layer}."))
        yield from _slot(winner, slot)
        slot += 1
    yield Box("output", "Output", _output(winner), 0, _weights(winner, "output."))


def _slot(winner: Winner, slot: int) -> Iterator[Box]:
    """What follows a layer: slots are filled from the output backwards."""
    config = winner.config
    if slot >= config.slots - config.batchnorm_layers:
        yield Box("norm", "BatchNorm", str(config.hidden), 0, _weights(winner, f"stack.slots.{slot}."))
    if slot >= config.slots - config.dropout_layers:
        yield Box("dropout", "Dropout", f"{config.dropout:.0%} of {config.hidden}")


def _output(winner: Winner) -> str:
    """What comes out."""
    if getattr(winner.config, "output", "") == "factored":
        return "a chord, pitch by pitch"
    if getattr(winner.config, "objective", "") == "mae":
        return f"one number, in {winner.column.unit}"
    return f"softmax over {many(len(winner.vocabulary.values), winner.column.noun)}"


def _weights(winner: Winner, prefix: str) -> int:
    trained = (name for name in winner.tensors if name.startswith(prefix) and "running_" not in name)
    return sum(winner.tensors[name].numel() for name in trained if not name.endswith("num_batches_tracked"))
