"""Score winners beside the baselines, on the test part or on songs of your choice.

Example: python -m experiments.evaluate my_run --json figures.json
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from datamodules.errors import UserError
from experiments.command_line.cli import console, main, note, say
from experiments.command_line.common_options import ConfigFile, RunsFolder
from experiments.command_line.option_fields import Switch, worded

if TYPE_CHECKING:
    from datamodules.columns import Column
    from experiments.evaluating.bootstrap import Units
    from experiments.evaluating.comparing import Scored
    from experiments.evaluating.rivals import Rival
    from experiments.run_folder import Run
    from experiments.winners import Winner

__all__ = ["EvaluateOptions", "evaluate"]

TOLD = ("hyperparameters", "epoch", "updates", "seed", "kind")  # of a winner, beside its figures
Runs = Annotated[tuple[str, ...], worded("RUN"), tyro.conf.UseAppendAction]


@dataclass(frozen=True)
class EvaluateOptions:
    """Score winners beside the baselines, on the test part or on songs of your choice.

    Lower nats are better. Each figure has an interval, which says how far chance may
    have moved it, and each head's last lines say whether it beats the n-grams.

    Example: python -m experiments.evaluate my_run --json figures.json
    """

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """a run's path or name"""
    songs: Annotated[tyro.conf.Positional[tuple[Path, ...]], worded("[SONGS ...]")] = ()
    """MIDI files or folders to score instead of the run's test part"""
    against: Runs = ()
    """another run, whose winners are scored on the same events: better, worse, or not told apart (repeatable)"""
    mix_ngram: Switch = False
    """score the mixture of each winner with the best n-gram model too, its weight fitted on validation"""
    json: Annotated[Path | None, worded("FILE")] = None
    """write the figures here too"""
    runs: RunsFolder = None
    config: ConfigFile = None


def evaluate(options: EvaluateOptions, arguments: Sequence[str]) -> None:
    """The command: a table a head, what can be told apart, and the JSON."""
    from experiments.evaluating.rivals import rival_of
    from experiments.files import write_json
    from experiments.heads import HEADS
    from experiments.plugins import note_unknown_heads
    from experiments.provenance import made_by
    from experiments.run_folder import open_run
    from experiments.winners import load_winner

    run = open_run(options.run, options.runs)
    note_unknown_heads(run)
    winners = [load_winner(run.winner(name)) for name in HEADS if run.winner(name).exists()]
    if not winners:
        raise UserError(f"{run.path} has no winner yet: run `python -m experiments.tune` first")
    part = _Part(run, options.songs)
    rivals = [rival_of(name, options.runs, run, winners, part.uses) for name in dict.fromkeys(options.against)]
    result: dict[str, Any] = {"run": run.name, "on": part.label, "songs": part.songs, "made_by": made_by()}
    result |= {
        "split": part.dataset.split.to_json(),
        "bootstrap": part.units.to_json(),
        "against": {rival.name: rival.to_json() for rival in rivals},
    }
    result["heads"] = {}
    say(f"run {run.name}, on {part.describe()}")
    say(part.units.describe())
    for winner in winners:
        if message := part.known(winner):
            note(message)
    for message in (text for rival in rivals for text in (rival.warning(len(part.songs)), *rival.refused.values())):
        if message:
            note(message)
    for winner in winners:
        result["heads"][winner.spec.name] = part.score(winner, rivals, mix=options.mix_ngram)
    if options.json is not None:
        write_json(options.json, result)
        say(f"\nfigures written to {options.json}")


class _Part:
    """What is scored: a part of the run's songs, or other songs."""

    def __init__(self, run: Run, songs: Sequence[Path]) -> None:
        from datamodules.corpus.finding import absolute
        from datamodules.splits import TEST, with_test_songs
        from experiments.dataset import read_dataset

        self.dataset = run.dataset()
        self.part, self.label = self.dataset.split.test_part, self.dataset.split.test_label
        there = [bool((parts == self.part).any()) for parts in self.dataset.split.parts]
        uses = list(zip(self.dataset.songs, self.dataset.split.songs, strict=True))
        scored = [use for use, inside in zip(uses, there, strict=True) if inside]
        if songs:
            paths = tuple(map(absolute, songs))
            wanted = replace(self.dataset.options, songs=paths, valid=(), test=(), split="none")
            other = read_dataset(wanted, known_parts=True)
            seen = {digest for digest, use in self.dataset.uses.items() if use != "test"} & set(other.uses)
            if seen:
                did = f"the run itself learnt from, or was chosen on, {len(seen)} of these songs"
                note(f"{did}: the figures are not held out")
            self.dataset = replace(
                self.dataset,
                songs=self.dataset.songs + other.songs,
                events=self.dataset.events + other.events,
                split=with_test_songs(self.dataset.split, other.events),
            )
            self.part, self.label = TEST, "songs of your choice"
            scored = [(song, "test") for song in other.songs]
        self.songs = [song.name for song, _ in scored]
        self.uses = {song.digest: use for song, use in scored}
        self.units = self._units()
        self.leakage = self.dataset.leakage(self.part)  # of all columns

    def known(self, winner: Winner) -> str:
        """What to say of songs that are scored and that the winner knew before its own run; "" if there are none."""
        from experiments.heard import heard_before, overlap

        head, before = winner.spec.name, heard_before(winner)
        trained, chosen = overlap(before.songs, self.uses)
        did = f"learnt from {trained}" if trained else f"was chosen on {chosen}" if chosen else ""
        if did:
            return f"{head}: it {did} of these songs before this run (--init): its figures are not held out"
        what = "all that it had" if before.songs else "what it had"
        unknown = f"{head}: {what} learnt from before this run (--init) is not known: it may know these songs"
        return "" if before.complete else unknown

    def _units(self) -> Units:
        """What the intervals are drawn from: every head scores the same events."""
        import numpy as np

        from experiments.evaluating.bootstrap import units_of

        counts = [int(np.count_nonzero(marks == self.part)) for marks in self.dataset.split.parts]
        return units_of(np.repeat(np.arange(len(counts)), counts))

    def describe(self) -> str:
        """The part in words."""
        count = f"{len(self.songs)} song{'s' if len(self.songs) != 1 else ''}"
        return f"{self.label} ({count}); {self.dataset.split.describe()}"

    def score(self, winner: Winner, rivals: Sequence[Rival], *, mix: bool) -> dict[str, Any]:
        """Say and return a head's figures, its baselines', what can be told apart, and the leakage."""
        from datamodules.baselines.averages import baselines
        from experiments.evaluating.comparing import against_baselines, baseline_title, score_winner
        from experiments.figures import comparison, told_in_words

        head = winner.column.title
        column = self.dataset.column_of(winner)
        scored = score_winner(winner, column, self.part, self.units)
        found: dict[str, Any] = {
            "figures": scored.figures,
            "intervals": scored.intervals,
            "baselines": baselines(column, self.part, column.valid_part),
            "targets": len(column.targets(self.part)),
            "leakage": self.leakage.get(winner.spec.name),
            "winner": {name: winner.facts.get(name) for name in TOLD},
        }
        rows = against_baselines(scored, column, self.part, found["baselines"], self.units)
        found["against_baseline"] = {name: {"baseline": best, **gap.to_json()} for name, (best, gap) in rows.items()}
        lines = told_in_words(scored.figures)
        lines += [gap.sentence(baseline_title(best, found["baselines"][best])) for best, gap in rows.values()]
        if mix:
            found["mix_ngram"], sentence = self._mixed(winner, column, scored)
            lines.append(sentence)
        found["against"], sentences = self._against(winner, column, scored, rivals)
        say()
        title = f"{head} on {self.label}: {found['targets']:,} targets"
        figures = scored.figures | {f"{name}_interval": ends for name, ends in scored.intervals.items()}
        console.print(comparison(title, figures, found["baselines"], found.get("mix_ngram"), column=winner.column))
        for line in lines + sentences:
            say(f"{head}: {line}")
        if (leak := found["leakage"]) is not None:
            say(f"leakage: {100 * leak:.0f} % of the 6-grams of this part occur in training too")
        return found

    def _mixed(self, winner: Winner, column: Column, scored: Scored) -> tuple[dict[str, Any], str]:
        """The winner's mixture with the best n-gram, and its gain in words."""
        from experiments.evaluating.bootstrap import interval
        from experiments.evaluating.comparing import difference
        from experiments.evaluating.mixing import fit_mix

        mix = fit_mix(winner, column, column.targets(self.part))
        nats = mix.nats(scored.nats, scored.told)
        sums = self.units.sums(nats)
        gap = difference("nats", sums, scored.sums["nats"], self.units, winner.column)
        label = self.dataset.split.valid_label
        told = f"mixed with {100 * mix.weight:.1f} % of {mix.ngram.describe()} (fitted on {label})"
        return {
            "order": mix.ngram.order,
            "transposed": mix.ngram.transposed,
            "weight": mix.weight,
            "fitted_on": label,
            "nats": float(nats.mean()),
            "nats_interval": interval(self.units, sums),
            "against_winner": gap.to_json(),
        }, f"{told}: {gap.sentence('the winner alone')}"

    def _against(
        self, winner: Winner, column: Column, scored: Scored, rivals: Sequence[Rival]
    ) -> tuple[dict[str, Any], list[str]]:
        """The winner against those of other runs, and in words."""
        from experiments.evaluating.comparing import column_by, difference, score_winner

        found: dict[str, Any] = {}
        lines = []
        for rival in rivals:
            other = rival.winners.get(winner.spec.name)
            if other is None:
                continue
            theirs = score_winner(other, column_by(other, column, self.dataset), self.part, self.units)
            gaps = [
                difference(name, sums, theirs.sums[name], self.units, winner.column)
                for name, sums in scored.sums.items()
            ]
            found[rival.name] = {gap.figure: gap.to_json() for gap in gaps}
            found[rival.name] |= {"figures": theirs.figures, "intervals": theirs.intervals}
            lines += [gap.sentence(rival.name) for gap in gaps]
        return found, lines


if __name__ == "__main__":
    sys.exit(main(EvaluateOptions, evaluate, prog="evaluate"))
