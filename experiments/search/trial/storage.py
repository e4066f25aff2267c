"""Where trials keep their weights: a folder or a bucket, one sub-folder a trial.

Every file is replaced whole. Nothing here is a pickle: weights are safetensors, the rest is the JSON in their metadata.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.fs

from datamodules.errors import first_line
from experiments.search.plan import EndedError

if TYPE_CHECKING:
    import torch

__all__ = ["StorageLostError", "Tensors", "TrialStore"]

LARGEST = 16 * 2**30  # bytes of a trial's file; the largest head that can be drawn has a third, with its optimizer
MARK = ".storage"  # the file that tells a storage from others at the same path
Tensors = dict[str, "torch.Tensor"]

# what is wrong with one trial's place alone; anything else, as a full disk, will be wrong with the next trial's too
_OF_ONE_TRIAL = {errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG}


class StorageLostError(OSError):
    """Nothing can be written to the storage: it is full, read-only, or gone."""


@dataclass(frozen=True)
class TrialStore:
    """The folder of one search, by path or URI (what pyarrow.fs reads: s3://, gs://, hdfs://, file://)."""

    root: str

    def trial(self, row: int) -> str:
        return f"{row:05d}"

    def _open(self) -> tuple[pyarrow.fs.FileSystem, str]:
        if "://" in self.root:
            return pyarrow.fs.FileSystem.from_uri(self.root)  # type: ignore[no-any-return]
        return pyarrow.fs.LocalFileSystem(), self.root

    def write(self, row: int, name: str, tensors: Tensors, facts: dict[str, Any]) -> None:
        """Write `name`.safetensors of a trial, whole or not at all; `facts` is JSON, kept in the metadata.

        Raises:
            StorageLostError: no trial could write there.
            OSError: this trial's place is taken by something else.
        """
        from safetensors.torch import save

        data = save(tensors, metadata={"tritone": json.dumps(facts)})
        try:
            self._write(row, name, data)
        except OSError as error:
            if error.errno in _OF_ONE_TRIAL:
                raise
            reason = os.strerror(error.errno) if error.errno else first_line(error)
            raise StorageLostError(error.errno or 0, f"cannot write {self.root}: {reason}") from error

    def _write(self, row: int, name: str, data: bytes) -> None:
        system, root = self._open()
        _put(system, f"{root}/{self.trial(row)}", f"{name}.safetensors", data)

    def sync(self, row: int, name: str) -> None:
        """Let a trial's file outlive a loss of power, if there is one; a bucket's do anyway."""
        with contextlib.suppress(OSError):
            if "://" not in self.root:
                file = os.open(f"{self.root}/{self.trial(row)}/{name}.safetensors", os.O_RDONLY)
                try:
                    os.fsync(file)
                finally:
                    os.close(file)

    def read(self, row: int, name: str) -> tuple[Tensors, dict[str, Any]] | None:
        """The tensors and facts of a trial's file, or None where there is none (or none that is whole)."""
        from safetensors.torch import load

        data = self.read_bytes(row, name)
        if data is None:
            return None
        try:
            size = int.from_bytes(data[:8], "little")
            facts = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["tritone"])
            return load(data), facts
        except Exception:  # damaged in any way: the trial starts anew, which loses time and nothing else
            return None

    def read_bytes(self, row: int, name: str) -> bytes | None:
        """The bytes of a trial's file, or None where there is none; a pipe, whose reader would wait, is none."""
        system, root = self._open()
        path = f"{root}/{self.trial(row)}/{name}.safetensors"
        try:
            found = system.get_file_info(path)
            if found.type != pyarrow.fs.FileType.File or found.size > LARGEST:
                return None
            with system.open_input_stream(path) as stream:
                return bytes(stream.read())
        except OSError:
            return None

    def mark(self, sign: str) -> None:
        """Write a sign that tells this storage from others at the same path: in one line where it cannot be written.

        Raises:
            EndedError: what the storage answered.
        """
        try:
            _put(*self._open(), MARK, sign.encode())
        except Exception as error:  # pyarrow raises what its many back ends raise
            raise EndedError(f"--storage {self.root}: cannot be written ({first_line(error)})", status=1) from error

    def is_marked(self, sign: str) -> bool:
        """Whether this is the storage that was marked so, seen from here."""
        try:
            system, root = self._open()
            with system.open_input_stream(f"{root}/{MARK}") as stream:
                return bytes(stream.read(len(sign) + 1)) == sign.encode()
        except Exception:  # not there, or a back end that is not set up here
            return False


def _put(system: pyarrow.fs.FileSystem, folder: str, name: str, data: bytes) -> None:
    """Write a file whole or not at all, in the place of one that is there, and never through a link."""
    system.create_dir(folder, recursive=True)
    part = f"{folder}/.{name}.{os.getpid()}.{uuid.uuid4().hex[:8]}"
    try:
        with system.open_output_stream(part) as stream:
            stream.write(data)
        system.move(part, f"{folder}/{name}")
    except OSError:
        with contextlib.suppress(OSError):
            system.delete_file(part)
        raise
