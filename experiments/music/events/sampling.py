"""How values are drawn: --temperature and --top-p, of all heads or of one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from datamodules.errors import UserError, did_you_mean
from experiments.command_line.cli import note
from experiments.heads import HEADS, WRITING

__all__ = ["Sampling", "note_unused", "read_sampling"]


@dataclass(frozen=True)
class Sampling:
    """How a head's values are drawn."""

    temperature: float = 1.0  # as the head learnt them
    top_p: float = 1.0

    @classmethod
    def of(cls, head: str) -> Sampling:
        """That of a head, unless told otherwise."""
        return cls(top_p=HEADS[head].top_p)

    def describe(self) -> str:
        """In words."""
        return f"temperature {self.temperature:g}, top-p {self.top_p:g}"


def read_sampling(
    temperature: Sequence[str], top_p: Sequence[str], liked: Mapping[str, Sampling] = MappingProxyType({})
) -> dict[str, Sampling]:
    """NUMBER (all heads) and HEAD=NUMBER, as each head's sampling. One head's own number wins over that of all.

    Args:
        liked: by head, what counts where they say nothing.
    """
    sampling = {head: liked.get(head) or Sampling.of(head) for head in WRITING}
    for field, texts in (("temperature", temperature), ("top_p", top_p)):
        for text in sorted(texts, key=lambda text: "=" in text):
            head, equals, number = text.rpartition("=")
            option = f"--{field.replace('_', '-')} {text}"
            if equals and head not in WRITING:
                raise UserError(
                    f"{option}: {head!r} is no head; heads are {', '.join(WRITING)}{did_you_mean(head, WRITING)}"
                )
            try:
                value = float(number)
            except ValueError as error:
                raise UserError(f"{option}: give a number, or HEAD=NUMBER as notes=0.9") from error
            for name in [head] if equals else WRITING:
                sampling[name] = replace(sampling[name], **{field: value})
    return sampling


def note_unused(temperature: Sequence[str], top_p: Sequence[str], heads: Collection[str]) -> None:
    """Say of each HEAD=NUMBER whose head draws nothing that it changes nothing.

    Args:
        heads: those that draw.
    """
    for option, texts in (("--temperature", temperature), ("--top-p", top_p)):
        for text in texts:
            head, equals, _ = text.rpartition("=")
            if equals and head not in heads:
                note(f"{option} {text}: changes nothing, as no {head} head draws here, only {' and '.join(heads)}")
