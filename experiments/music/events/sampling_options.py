"""--temperature and --top-p: of all heads, or of one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from datamodules.errors import UserError, did_you_mean
from experiments.heads import WRITING
from experiments.music.events.voices import Sampling

__all__ = ["read_sampling"]


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
                sampling[name] = dataclasses.replace(sampling[name], **{field: value})
    return sampling
