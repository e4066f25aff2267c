"""What is told of a new song before it is drawn: where its columns come from, and what will not be as asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from datamodules.song import Song
from experiments.command_line.cli import note, say
from experiments.heads import HEADS, WRITING
from experiments.music.events.generation import unknown_of_prime, without_head
from experiments.music.events.settings import Settings
from experiments.music.prime import Prime
from experiments.winners import Winner

if TYPE_CHECKING:
    from experiments.music.events.ngram_share import NgramShare
    from experiments.music.form.planning import Plan

__all__ = ["announce", "note_cut", "note_variation"]


def announce(winners: Mapping[str, Winner], prime: Prime, settings: Settings, shares: Mapping[str, NgramShare]) -> None:
    """Say where each column comes from, and what the user should know of it."""
    for head in WRITING:
        if head not in winners:
            say(f"{head}: no head, so {without_head(head)}")
            continue
        winner = winners[head]
        how = settings.drawn(head).describe()
        if getattr(winner.config, "objective", "") == "mae":
            how = "a regression, which has nothing to draw"
        how += f"; {shares[head].describe()}" if head in shares else ""
        say(f"{winner.column.title}: {winner.path} (window {winner.config.window}; {how})")
        if winner.label == "training songs" or winner.facts.get("split", "").startswith("nothing held out"):
            note(
                f"the {head} head was made with --split none: its figures are of its training songs, which it may copy"
            )
    if len(grids := {winner.grid for winner in winners.values()}) > 1:
        told = ", ".join(f"{head} {winner.grid}" for head, winner in winners.items())
        where = "the finer one" if prime.song.grid in grids else f"{prime.song.grid}, which holds them exactly"
        say(f"grids (ticks a quarter note): {told}; the song is on {where}")
    origin = f" ({prime.origin})" if prime.origin else ""
    if prime.continues:
        say(f"continues: {prime.song.name}, all of whose {prime.context:,} events are heard first")
    else:
        say(f"prime: {prime.song.name}{origin}; its first {prime.context} events are context, and not written")
    for head, (unknown, values) in unknown_of_prime(winners, prime).items():
        if unknown:
            what = "chords" if HEADS[head].column.chords else "values"
            say(f"{unknown} of the prime's {values} {what} are unknown to the {head} head")


def note_variation(variation: float, plan: Plan | None, settings: Settings) -> None:
    """Say so if nothing returns that could vary; a plan begins again until as many events are written as asked for."""
    if plan is None or (settings.events is None and not plan.returns):
        note(f"--variation {variation:g}: changes nothing, as no section of the new song returns")


def note_cut(songs: Iterable[Song], settings: Settings) -> None:
    """Say so if a song whose events nobody counted has as many as there may be: it ends before its last bar."""
    if any(len(song.events()) == settings.limit for song in songs):
        note(f"it ends early, after {settings.limit:,} events, which are the most of a song")
