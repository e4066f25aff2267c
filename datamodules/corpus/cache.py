"""Songs that were read before, on disk: one safetensors file each, named by content, grid and reader version.

A cache may be deleted at any time and holds nothing that its MIDI files do not. What reading may cost in time and
memory is no part of an entry: no file is left out in here for that. Whatever is wrong with an entry
(truncated, flipped bytes, another program's file), it counts as not there and is written anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from datamodules.files import read_whole, write_whole
from datamodules.midi.raw_bytes import COST, READER_VERSION, Limits
from datamodules.song import ROLES, Notes, Part, Song

__all__ = ["Entry", "SongCache", "default_cache"]

logger = logging.getLogger(__name__)

Entry = Song | str  # a song, or the reason why these bytes are none
_LARGEST = 1 << 26  # bytes of an entry; the largest song that may be read has a tenth
_SHAPES = {"notes": (5, None), "tempos": (None, 2), "metres": (None, 3), "keys": (None, 3)}


def default_cache() -> Path:
    """``$TRITONE_CACHE``, else ``tritone`` in the user's cache folder (``$XDG_CACHE_HOME`` or ``~/.cache``)."""
    if own := os.environ.get("TRITONE_CACHE"):
        return Path(own)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "tritone"


class SongCache:
    """A folder of entries. Reading never fails; a folder that cannot be written costs one warning and no more."""

    def __init__(self, folder: Path, grid: int, limits: Limits) -> None:
        self._folder = folder / "songs"
        self._grid = grid
        of_content = asdict(limits)  # other limits of these may accept what the given ones reject
        self._limits = json.dumps({name: of_content[name] for name in of_content if name not in COST})
        self._writable = True

    def get(self, digest: str) -> Entry | None:
        """What is known of the bytes with this SHA-256, or None."""
        try:
            return self._decode(read_whole(self._path(digest), _LARGEST), digest)
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None  # absent or damaged: to be read from the MIDI file

    def put(self, digest: str, entry: Entry) -> None:
        """Keep an entry if that is possible."""
        if not self._writable:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._path(digest), self._encode(digest, entry))
        except OSError as error:
            self._writable = False
            logger.warning("songs are not cached, %s cannot be written: %s", self._folder, error.strerror or error)

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}-{self._grid}-v{READER_VERSION}.safetensors"

    def _encode(self, digest: str, entry: Entry) -> bytes:
        arrays: dict[str, NDArray[Any]] = {}
        known: dict[str, Any] = {"digest": digest, "grid": self._grid, "limits": self._limits}
        if isinstance(entry, Song):
            notes = entry.notes
            table = np.stack([notes.onset, notes.pitch, notes.length, notes.velocity, notes.part])
            arrays = {"notes": table, "tempos": entry.tempos, "metres": entry.metres, "keys": entry.keys}
            known["parts"] = [asdict(part) for part in entry.parts]
        else:
            known["reason"] = entry
        text = json.dumps(known)
        return save(arrays, metadata={"entry": text, "checksum": _checksum(text, arrays)})

    def _decode(self, data: bytes, digest: str) -> Entry:
        """Raises any of what `get` catches when the entry is not sound."""
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
        arrays = load(data)
        if header["checksum"] != _checksum(header["entry"], arrays):
            raise ValueError("checksum")
        known = json.loads(header["entry"])
        if (known["digest"], known["grid"], known["limits"]) != (digest, self._grid, self._limits):
            raise ValueError("another file, grid or limits")
        if "reason" in known:
            return str(known["reason"])
        parts = tuple(Part(**part) for part in known["parts"])
        _check(arrays, parts)
        return Song(
            grid=self._grid,
            parts=parts,
            notes=Notes(*arrays["notes"]),
            tempos=arrays["tempos"],
            metres=arrays["metres"],
            keys=arrays["keys"],
            digest=digest,
        )


def _checksum(text: str, arrays: dict[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape} ".encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()


def _check(arrays: dict[str, NDArray[Any]], parts: tuple[Part, ...]) -> None:
    """Raise ValueError unless shapes, types and part numbers are those of a song."""
    for name, shape in _SHAPES.items():
        array = arrays[name]
        kind = np.float64 if name == "tempos" else np.int32
        fits = array.ndim == 2 and all(want in (None, size) for want, size in zip(shape, array.shape, strict=True))
        if not fits or array.dtype != kind:
            raise ValueError(name)
    part = arrays["notes"][4]
    if not len(part) or part.min() < 0 or part.max() >= len(parts) or any(p.role not in ROLES for p in parts):
        raise ValueError("parts")
