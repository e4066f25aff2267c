"""What made a new song, in words that stand in its files: the tool, the seed, the winners and the prime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from experiments.music.events.ngram_share import NgramShare
from experiments.music.events.settings import Settings
from experiments.music.prime import Prime
from experiments.provenance import made_by
from experiments.winners import Winner, weights_hash

__all__ = ["HEX", "origin_of"]

HEX = 16  # digits of a hash: enough to tell one file from another, few enough to read


def origin_of(
    winners: Mapping[str, Winner], prime: Prime, settings: Settings, shares: Mapping[str, NgramShare]
) -> tuple[str, ...]:
    """Lines that hold no path: a song is given away, and its maker's folders are nobody's business."""
    made = made_by()
    commit = f", commit {made['commit']}" if made["commit"] else ""
    lines = [f"made by tritone {made['tritone']}{commit}"]
    for head, winner in winners.items():
        how = settings.drawn(head).describe()
        how += f", {shares[head].describe()}" if head in shares else ""
        lines.append(f"{head}: weights with SHA-256 {weights_hash(winner.tensors)[:HEX]}, {how}")
    verb = "continues" if prime.continues else "prime:"
    lines.append(f"{verb} {Path(prime.song.name).name} with SHA-256 {prime.song.digest[:HEX]}")
    return tuple(lines)
