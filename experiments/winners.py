"""Winners: the best epoch of the best trial, as data. Export, load, and pick.

A winner is a safetensors file whose metadata is JSON. Loading one executes nothing, and every size in it is checked
against what is in the file before a network is built.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.columns import ColumnSpec
from datamodules.errors import UserError
from datamodules.framing import Framing
from datamodules.mixture import HIGHEST_MIXTURE, LOWEST_MIXTURE
from datamodules.song import check_grid
from datamodules.vocabulary import Vocabulary
from experiments.files import write_bytes
from experiments.heads import HEADS, HeadSpec
from experiments.provenance import made_by

if TYPE_CHECKING:
    import torch

    from lightning_modules.config import HeadConfig
    from lightning_modules.head import Head

__all__ = ["ALL_SONGS", "FORMAT", "WINNER", "Winner", "load_winner", "newest_winner", "save_winner"]

FORMAT = 1
WINNER, ALL_SONGS = "winner.safetensors", "winner-all.safetensors"
LARGEST = 4 * 2**30  # bytes; far above any head of ours


@dataclass(frozen=True)
class Winner:
    """A head ready to use, and what is known of it.

    Attributes:
        path: where it was loaded from.
        spec: the head.
        config: its hyperparameters.
        vocabulary: the values that it knows.
        grid: ticks a quarter note.
        tensors: its weights.
        facts: the whole metadata: figures, baselines, songs, seed, versions.
    """

    path: Path
    spec: HeadSpec
    config: HeadConfig
    vocabulary: Vocabulary
    grid: int
    tensors: dict[str, torch.Tensor]
    facts: dict[str, Any]

    @property
    def mixture(self) -> float:
        """The share `l` of the base distribution, as fitted on validation; never refitted."""
        return float(self.facts["figures"]["mixture"])

    @property
    def label(self) -> str:
        """What the figures are figures of: "validation" or "training songs"; "" for all songs, which have none."""
        return str(self.facts.get("label", ""))

    @property
    def column(self) -> ColumnSpec:
        """The column that it predicts."""
        return self.spec.column_for(self.config.to_dict())

    @property
    def framing(self) -> Framing:
        """How its network looks at a column."""
        return self.spec.framing(self.config)

    def head(self) -> Head:
        """The network with its weights, in evaluation mode."""
        head = self.spec.build(self.config, self.vocabulary, self.grid)
        head.load_state_dict(self.tensors)
        return head.eval()


def save_winner(path: Path, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
    """Write a winner, whole or not at all. `facts` is JSON; who made it is added."""
    from safetensors.torch import save

    whole = {"format": FORMAT, **facts, "made_by": made_by()}
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, save(contiguous, metadata={"tritone": json.dumps(whole, allow_nan=False)}))


def load_winner(path: Path) -> Winner:
    """Read a winner from a file that may come from a stranger.

    Raises:
        UserError: it is missing, damaged, not a winner, or its sizes do not fit its weights.
    """
    from safetensors import SafetensorError, safe_open

    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"{path}: {path.stat().st_size:,} bytes are no winner of ours")
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a dict
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: run `python -m experiments.tune` first") from error
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged or no winner ({str(error).splitlines()[0]})") from error
    try:
        winner = _understood(path, json.loads(metadata["tritone"]), tensors)
        _check_sizes(winner)
    except UserError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} is no winner that this version can read ({_reason(error)})") from error
    return winner


def _reason(error: Exception) -> str:
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error).splitlines()[0]


def _understood(path: Path, facts: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Winner:
    if facts["format"] != FORMAT:
        raise UserError(f"{path} is a winner of format {facts['format']!r}; this version reads format {FORMAT}")
    if facts["head"] not in HEADS:
        raise UserError(f"{path} is a winner of the unknown head {facts['head']!r}")
    spec = HEADS[facts["head"]]
    mixture = facts["figures"]["mixture"]
    if not (isinstance(mixture, float) and LOWEST_MIXTURE <= mixture <= HIGHEST_MIXTURE):
        raise ValueError(f"mixture {mixture!r} is no share from {LOWEST_MIXTURE} to {HIGHEST_MIXTURE}")
    for name, kind in (("epoch", int), ("updates", int), ("metric", str), ("kind", str), ("label", str)):
        if not isinstance(facts[name], kind):
            raise TypeError(f"{name} {facts[name]!r} is of a wrong type")
    baselines, best = facts.get("baselines", {}), facts.get("best", 0.0)
    if not all(isinstance(figures, dict) for figures in baselines.values()) or not isinstance(best, float):
        raise TypeError("its figures cannot be read")
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise ValueError("its weights are not finite numbers")
    vocabulary = Vocabulary.from_json(facts["vocabulary"])
    if (vocabulary.kind == "chords") != spec.column.chords:
        raise ValueError(f"a vocabulary of {vocabulary.kind} is none for {spec.name}")
    if not isinstance(facts["grid"], int):
        raise TypeError(f"grid {facts['grid']!r} is no number")
    return Winner(
        path=path,
        spec=spec,
        config=spec.config.from_dict(facts["hyperparameters"]),
        vocabulary=vocabulary,
        grid=check_grid(facts["grid"]),
        tensors=tensors,
        facts=facts,
    )


def _check_sizes(winner: Winner) -> None:
    """Build the network without memory (torch's meta device), and compare its tensors with those in the file."""
    import torch

    with torch.device("meta"):
        wanted = {
            name: (tuple(tensor.shape), tensor.dtype)
            for name, tensor in winner.spec.build(winner.config, winner.vocabulary, winner.grid).state_dict().items()
        }
    found = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in winner.tensors.items()}
    if wanted != found:
        odd = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        raise UserError(f"{winner.path}: its weights do not fit its hyperparameters (first: {odd[0]})")


def newest_winner(runs: Path, head: str, name: str = WINNER) -> Path | None:
    """The newest winner of a head among the runs in a folder, or None."""
    found = [path for path in runs.glob(f"*/{head}/{name}") if path.is_file()]
    return max(found, key=lambda path: (path.stat().st_mtime, str(path)), default=None)
