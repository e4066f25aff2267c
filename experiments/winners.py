"""Winners: the best epoch of the best trial, as data. Export, load, and pick.

A winner is a safetensors file whose metadata is JSON. Loading one executes nothing, and every size in it is checked
against what is in the file before a network is built.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.baselines.mixture import HIGHEST_MIXTURE, LOWEST_MIXTURE
from datamodules.column_spec import ColumnSpec
from datamodules.errors import UserError, first_line
from datamodules.framing import Framing
from datamodules.song import check_grid
from datamodules.vocabulary import Vocabulary
from experiments.files import write_bytes
from experiments.heads import HEADS, HeadSpec
from experiments.plugins import packages, unknown
from experiments.provenance import made_by
from experiments.winner_limits import check_file
from lightning_modules.backbones import BACKBONES
from lightning_modules.config import HeadConfig

if TYPE_CHECKING:
    import torch

    from lightning_modules.head import Head

__all__ = [
    "ALL_SONGS",
    "FORMAT",
    "WINNER",
    "Winner",
    "load_winner",
    "newest_winner",
    "save_winner",
    "weights_hash",
]

FORMAT = 1
WINNER, ALL_SONGS = "winner.safetensors", "winner-all.safetensors"
MOST = 10**12  # epochs and updates
LONGEST = 200  # characters of what is shown
LONGEST_SPLIT = 2_000  # characters of how the songs were split: names of files, and numbers


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

    def judged(self, *figures: str) -> float:
        """Its best figure.

        Raises:
            UserError: it tells none, or lacks the baselines or one of `figures`, which say how good it is.
        """
        lacking = [name for name in ("best", "baselines") if name not in self.facts]
        lacking += [name for name in figures if name not in self.facts["figures"]]
        if lacking:
            raise UserError(f"{self.path} does not say how good it is ({lacking[0]} is missing): it can only be played")
        return float(self.facts["best"])

    def head(self) -> Head:
        """The network with its weights, in evaluation mode."""
        head = self.spec.build(self.config, self.vocabulary, self.grid)
        head.load_state_dict(self.tensors)
        return head.eval()


def save_winner(path: Path, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
    """Write a winner, whole or not at all. `facts` is JSON; who made it is added."""
    from safetensors.torch import save

    whole = {"format": FORMAT, **facts, "made_by": made_by()}
    whole |= {"packages": packages()} if packages() else {}
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, save(contiguous, metadata={"tritone": json.dumps(whole, allow_nan=False)}))


def load_winner(path: Path) -> Winner:
    """Read a winner from a file that may come from a stranger.

    Its weights are looked at last, when all that the file says of itself fits together.

    Raises:
        UserError: it is missing, damaged, not a winner, or its sizes do not fit its weights.
    """
    from safetensors import SafetensorError, safe_open

    try:
        check_file(path)
        with safe_open(str(path), "pt") as file:
            return _understood(path, file.metadata() or {}, file)
    except UserError:
        raise
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged or no winner ({_reason(error)})") from error
    except Exception as error:  # whatever our code makes of a stranger's metadata
        raise UserError(f"{path} is no winner that this version can read ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError) and error.args:
        return f"{error.args[0]} is missing"
    return first_line(error)


def _understood(path: Path, metadata: Mapping[str, str], file: Any) -> Winner:
    """The winner in an opened safetensors file."""
    facts = json.loads(metadata["tritone"], parse_float=_finite, parse_constant=_finite)
    if facts["format"] != FORMAT:
        raise UserError(f"{path} is a winner of format {facts['format']!r}; this version reads format {FORMAT}")
    for kind, known, name in (
        ("heads", HEADS, facts["head"]),
        ("backbones", BACKBONES, facts["hyperparameters"].get("backbone", HeadConfig.backbone)),
    ):
        if not isinstance(name, str):
            raise TypeError(f"{name!r} is no name of {kind}")
        if name not in known:
            raise UserError(f"{path}: {unknown(kind, name, facts.get('packages'))}")
    _check_facts(facts)
    spec = HEADS[facts["head"]]
    vocabulary = Vocabulary.from_json(facts["vocabulary"])
    if (vocabulary.kind == "chords") != spec.column.chords:
        raise ValueError(f"a vocabulary of {vocabulary.kind} is none for {spec.name}")
    config, grid = spec.config.from_dict(facts["hyperparameters"]), check_grid(facts["grid"])
    names = file.keys()
    _check_sizes(path, spec.build, (config, vocabulary, grid), {name: file.get_slice(name) for name in names})
    tensors = {name: file.get_tensor(name) for name in names}
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise ValueError("its weights are not finite numbers")
    return Winner(path, spec, config, vocabulary, grid, tensors, facts)


def _finite(text: str) -> float:
    """A number of JSON. NaN, Infinity and 1e400 are none: nothing could write them again."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is no number")
    return value


def _check_facts(facts: Mapping[str, Any]) -> None:
    """Raise ValueError or TypeError unless what the commands look at is of the types that they expect."""
    mixture = facts["figures"]["mixture"]
    if not (isinstance(mixture, float) and LOWEST_MIXTURE <= mixture <= HIGHEST_MIXTURE):
        raise ValueError(f"mixture {mixture!r} is no share from {LOWEST_MIXTURE} to {HIGHEST_MIXTURE}")
    for name, kind in (("epoch", int), ("updates", int), ("metric", str), ("kind", str), ("label", str)):
        if not isinstance(facts[name], kind):
            raise TypeError(f"{name} {facts[name]!r} is of a wrong type")
    for name in ("epoch", "updates"):
        if not 0 <= facts[name] <= MOST:
            raise ValueError(f"{name} is out of range")
    if not isinstance(facts["grid"], int):
        raise TypeError(f"grid {facts['grid']!r} is no number")
    for name, like in (("best", 0.0), ("split", ""), ("seed", 0), ("row", 0)):
        if not isinstance(facts.get(name, like), type(like)):
            raise TypeError(f"{name} {facts[name]!r} is of a wrong type")
    for name, most in (("metric", LONGEST), ("kind", LONGEST), ("label", LONGEST), ("split", LONGEST_SPLIT)):
        if len(facts.get(name, "")) > most:
            raise ValueError(f"{name} is longer than {most} characters")
    for figures in (facts["figures"], *facts.get("baselines", {}).values()):
        if not all(isinstance(value, (int, float)) for value in figures.values()):
            raise TypeError("its figures cannot be read")


def _check_sizes(path: Path, build: Callable[..., Head], arguments: tuple[Any, ...], slices: Mapping[str, Any]) -> None:
    """Build the network without memory (torch's meta device), and compare its tensors with those of the file."""
    import torch

    kinds = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64", torch.bool: "BOOL"}
    with torch.device("meta"):
        state = build(*arguments).state_dict()
    wanted = {name: (list(tensor.shape), kinds.get(tensor.dtype)) for name, tensor in state.items()}
    found = {name: (list(part.get_shape()), part.get_dtype()) for name, part in slices.items()}
    if wanted != found:
        odd = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        raise UserError(f"{path}: its weights do not fit its hyperparameters (first: {odd[0]})")


def weights_hash(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over weights alone: the same for the same search in another folder, on another day."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tuple(tensor.shape)} {tensor.dtype} ".encode() + tensor.cpu().numpy().tobytes())
    return found.hexdigest()


def newest_winner(runs: Path, head: str, name: str = WINNER) -> Path | None:
    """The newest winner of a head among the runs in a folder, or None."""
    found = [path for path in runs.glob(f"*/{head}/{name}") if path.is_file()]
    return max(found, key=lambda path: (path.stat().st_mtime, str(path)), default=None)
