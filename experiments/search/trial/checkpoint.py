"""All that a trial needs to go on: its networks, their optimizers' state and the random numbers, as named tensors.

A checkpoint may be damaged, or a stranger's: it is looked at whole before any of it is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch

from experiments.search.trial.storage import Tensors
from lightning_modules.head import Head

__all__ = ["fits", "take", "whole"]

COUNTS = ("epoch", "updates", "best_epoch")  # what the facts tell of a trial so far, beside `best` and `seconds`
OWN = {*COUNTS, "best", "seconds"}  # what a report holds, beside its figures


class Network(Protocol):
    """A head, and its optimizer's state by name ("optimizer.INDEX.NAME")."""

    head: Head
    optimizer: Tensors


def whole(networks: Sequence[Network], *, gpu: bool) -> Tensors:
    """The tensors of a checkpoint; they are not copies."""
    tensors: Tensors = {"random": torch.get_rng_state()}
    if gpu:
        tensors["random.gpu"] = torch.cuda.get_rng_state()
    for number, network in enumerate(networks):
        for key, tensor in network.head.state_dict().items():
            tensors[f"{number}.head.{key}"] = tensor.detach().contiguous()
        tensors |= {f"{number}.{key}": tensor for key, tensor in network.optimizer.items()}
    return tensors


def take(networks: Sequence[Network], tensors: Tensors, *, gpu: bool) -> None:
    """Put a checkpoint that `fits` into fresh networks."""
    for number, network in enumerate(networks):
        network.head.load_state_dict(_under(f"{number}.head.", tensors))
        network.optimizer = {f"optimizer.{k}": v for k, v in _under(f"{number}.optimizer.", tensors).items()}
    torch.set_rng_state(tensors["random"])
    if gpu and "random.gpu" in tensors:
        torch.cuda.set_rng_state(tensors["random.gpu"])


def fits(networks: Sequence[Network], tensors: Tensors, facts: Mapping[str, Any]) -> bool:
    """Whether a checkpoint is whole, and of such networks."""
    there = {key: (tensor.shape, tensor.dtype) for key, tensor in tensors.items() if key != "random.gpu"}
    return there == dict(_wanted(networks)) and _told(facts, "reports") and all(map(_told, facts["reports"]))


def _wanted(networks: Sequence[Network]) -> Iterator[tuple[str, tuple[torch.Size, torch.dtype]]]:
    random = torch.get_rng_state()
    yield "random", (random.shape, random.dtype)
    for number, network in enumerate(networks):
        for key, tensor in network.head.state_dict().items():
            yield f"{number}.head.{key}", (tensor.shape, tensor.dtype)
        for index, parameter in enumerate(network.head.parameters()):
            for name in ("exp_avg", "exp_avg_sq"):  # AdamW's
                yield f"{number}.optimizer.{index}.{name}", (parameter.shape, parameter.dtype)
            yield f"{number}.optimizer.{index}.step", (torch.Size(), torch.float32)


def _told(facts: Any, also: str = "figures") -> bool:
    """Whether facts hold what a report holds."""
    return (
        isinstance(facts, dict)
        and facts.keys() >= {*OWN, also}
        and all(type(facts[name]) is int and 0 <= facts[name] < 2**53 for name in COUNTS)
        and all(type(facts[name]) in (int, float) and math.isfinite(facts[name]) for name in ("best", "seconds"))
        and isinstance(facts[also], dict if also == "figures" else list)
        and all(type(value) in (int, float) for value in (facts[also].values() if also == "figures" else ()))
    )


def _under(prefix: str, tensors: Tensors) -> Tensors:
    return {key[len(prefix) :]: tensor for key, tensor in tensors.items() if key.startswith(prefix)}
