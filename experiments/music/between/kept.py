"""Weights that were trained for a pair of songs, kept so that the second mix is instant: data, never code.

They lie in the user's cache folder, as the songs do, under a name that tells what they were trained from and how. A
file that is damaged, or is not what its name says, is told of and made anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from datamodules.corpus.cache import default_cache
from datamodules.errors import first_line
from datamodules.files import read_whole, write_whole
from datamodules.midi.raw_bytes import READER_VERSION
from experiments.command_line.cli import note
from experiments.winners import weights_hash

__all__ = ["keep_weights", "kept_weights", "key_of_weights", "place_of"]

FORMAT = 1  # of what a key tells; another one makes all anew
MOST = 1 << 28  # bytes of a file; far above any head of ours


def place_of(kind: str, key: str) -> Path:
    """Where weights are kept."""
    return default_cache() / "between" / f"{kind}-{key[:32]}.safetensors"


def key_of_weights(*facts: Any) -> str:
    """SHA-256 over plain data: all that the weights follow from; songs by their bytes, and by how these are read."""
    return hashlib.sha256(json.dumps([FORMAT, READER_VERSION, *facts], sort_keys=True).encode()).hexdigest()


def kept_weights(path: Path, key: str, like: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The weights that were kept under a key; None if there are none, or they cannot be trusted, which is told.

    Args:
        like: tensors of the names, shapes and types that they must have.
    """
    if not path.exists():
        return None
    try:
        data = read_whole(path, MOST)
        size = int.from_bytes(data[:8], "little")
        told = json.loads(data[8 : 8 + size])["__metadata__"]
        tensors = load(data)
        if told["key"] != key:
            raise ValueError("it was made of something else")
        wanted = {name: (tensor.shape, tensor.dtype) for name, tensor in like.items()}
        if {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()} != wanted:
            raise ValueError("its weights are of other sizes")
        if told["checksum"] != weights_hash(tensors):
            raise ValueError("its checksum is wrong")
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            raise ValueError("its weights are not finite numbers")
        return tensors
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        note(f"{path} is damaged ({first_line(error)[:100]}): trained again")
        return None


def keep_weights(path: Path, key: str, tensors: Mapping[str, Tensor]) -> None:
    """Keep weights if that is possible."""
    own = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, save(own, metadata={"key": key, "checksum": weights_hash(own)}))
    except OSError as error:
        note(f"the heads of the two songs are not kept: {path} cannot be written ({error.strerror or error})")
