"""Winners and a prime to new songs in files, and what is told of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from datamodules.errors import UserError
from datamodules.form.finding import find_form
from datamodules.song import Song, bar_lines
from experiments.command_line.cli import console, note, say
from experiments.music.announcing import announce, note_cut, note_variation
from experiments.music.arrangement.dressing import Dress, dresser
from experiments.music.copying.avoiding import avoiding
from experiments.music.copying.figures import comparison
from experiments.music.events.generation import Compose, generate
from experiments.music.events.ngram_share import NgramShare
from experiments.music.events.settings import Settings
from experiments.music.form.planned import planned
from experiments.music.form.planning import Plan, plan_of
from experiments.music.form.varying import VARIATION
from experiments.music.origin import origin_of
from experiments.music.own_song.accompanying import accompaniment
from experiments.music.own_song.exact import to_exact
from experiments.music.own_song.joining import continued
from experiments.music.own_song.keeping import Kept, in_its_key
from experiments.music.prime import find_prime
from experiments.music.ranking import candidate_table, likelihoods
from experiments.music.score.musicxml import write_musicxml
from experiments.music.writing import Written, numbered_path, write_song
from experiments.progress import bar
from experiments.run_folder import SONG, Run
from experiments.winners import Winner, load_winner

if TYPE_CHECKING:
    from experiments.music.between.mixing import Between
    from lightning_modules.head import Head

__all__ = ["Order", "first_song", "write_songs"]


@dataclass(frozen=True)
class Order:
    """What new songs are to be.

    Attributes:
        winners: by head, of those that write.
        out: the MIDI file; with several candidates numbers are added to its name.
        settings: see `settings.Settings`.
        prime: a MIDI file; None for the default one.
        shares: by head, what it leaves to an n-gram model.
        candidates: how many songs.
        soundfont: what they sound like; None for our own synthesizer.
        dress: their key, tracks and instruments; by default those of the training songs.
        kept: parts of a song that stay, around which the heads write; None for none.
        musicxml: whether a score is written beside each.
        max_copy: events of the longest run of chords that they may share with a training song; None for any.
        plan: the sections of a new song; None for those of the prime, or as the heads go on where `free`.
        free: whether the heads write without a plan.
        variation: see `planned.planned`.
        between: two songs that the new one stands between, in place of a prime; None for none.
        judges: by head, of those that write nothing: they say with the others which candidate is the likeliest.
    """

    winners: Mapping[str, Winner]
    out: Path
    settings: Settings
    prime: Path | None = None
    shares: Mapping[str, NgramShare] = field(default_factory=dict)
    candidates: int = 1
    soundfont: Path | None = None
    dress: Dress = field(default_factory=Dress)
    kept: Kept | None = None
    musicxml: bool = False
    max_copy: int | None = None
    plan: Plan | None = None
    free: bool = False
    variation: float = VARIATION
    between: Between | None = None
    judges: Mapping[str, Winner] = field(default_factory=dict)


def first_song(run: Run, heads: Sequence[str], *, seed: int) -> Written:
    """Write song.mid into a run, so that a search ends with something to hear."""
    winners = {head: load_winner(run.winner(head)) for head in heads}
    return write_songs(Order(winners, run.path / SONG, Settings(seed=seed)))[0]


def write_songs(order: Order) -> list[Written]:
    """Write new songs, and say what was written and how much of it stands in the training songs.

    Several candidates are numbered from the likeliest under the heads on.

    Raises:
        UserError: no winners, heads that do not go together, a bad prime, no room for a note, or a file that cannot be
            written.
    """
    return _Maker(order).write()


class _Maker:
    """Makes the songs of one order."""

    def __init__(self, order: Order) -> None:
        self.order, self.winners, self.settings = order, order.winners, order.settings
        self.dress, between = order.dress, order.between
        if between is None:
            self.prime = find_prime(order.winners, order.prime, whole=order.dress.continues)
        else:
            self.winners, self.prime = between.winners, between.prime
            self.settings = replace(order.settings, tempo=order.settings.tempo or between.tempo)
            self.dress = replace(order.dress, key=None)  # both songs are in it
        if order.kept is not None:
            self.prime = in_its_key(self.prime, order.kept, order.winners)
            self.dress = replace(order.dress, kept=order.kept.roles)
        self.plan, self.form = self._planned()
        if order.variation != VARIATION:
            note_variation(order.variation, self.plan, self.settings)
        self.compare = comparison(order.winners, between.beside if between else None)
        most = order.max_copy
        self.avoids = None if most is None else avoiding(self.winners, self.compare.training, most)
        writing = {} if self.by_bars else self.winners
        self.origin = origin_of(writing, self.prime, self.settings, order.shares)
        self.origin += between.origin() if between else ()
        if self.plan is not None:
            self.origin += (f"form: {self.plan}, {self.form}; variation {order.variation:g}",)
        if most is not None:
            self.origin += (f"no run of more than {most} events was to be shared with a training song",)
        playing = between.playing() if between else self.compare.training
        self.dressed = dresser(order.winners, self.prime, playing, self.dress)

    def write(self) -> list[Written]:
        """Draw them, and write the likeliest first."""
        order = self.order
        for line in order.between.describe() if order.between else ():
            say(line)
        if not self.by_bars:
            announce(self.winners, self.prime, self.settings, order.shares)
        for head, winner in order.judges.items():
            use = "judges the candidates with the others" if order.candidates > 1 else "it would judge --candidates"
            say(f"{head}: {winner.path} (writes nothing of a song; {use})")
        with bar("writing events") as advance:
            drawn = generate(
                self.winners, self.prime, self.settings, shares=order.shares, candidates=order.candidates,
                progress=advance, compose=self._compose(), avoiding=self.avoids, networks=self.networks,
            )  # fmt: skip
            songs = _with_notes(drawn)
        if self.settings.events is None or (order.kept is not None and order.kept.bounds):
            note_cut(songs.values(), self.settings)
        if order.candidates == 1:
            return [self._written(order.out, 0, songs[0])]
        found = likelihoods({**self.winners, **order.judges}, list(songs.values()), self.networks)
        likely = dict(zip(songs, found, strict=True))
        ranked = sorted(songs, key=lambda number: likely[number].rank)
        paths = [numbered_path(order.out, rank + 1) for rank in range(len(songs))]
        written = [self._written(path, number, songs[number]) for path, number in zip(paths, ranked, strict=True)]
        rows = zip(written, ranked, strict=True)
        console.print(candidate_table([(one.midi, i + 1, likely[i], one.copying) for one, i in rows]))
        return written

    @property
    def networks(self) -> Mapping[str, Head]:
        """What speaks in place of the winners' own networks, by head."""
        return self.order.between.networks if self.order.between else {}

    @property
    def by_bars(self) -> bool:
        """Whether no head writes: bars come from between those of two songs."""
        return self.order.between is not None and self.order.between.compose is not None

    def _planned(self) -> tuple[Plan | None, str]:
        """The plan, and whose it is."""
        order = self.order
        if order.plan is not None:
            return order.plan, "as asked"
        if order.free or order.kept is not None or order.dress.continues or self.by_bars:
            return None, ""
        return plan_of(self.prime.song, self.settings.bars), f"as {Path(self.prime.song.name).name} has it"

    def _compose(self) -> Compose | None:
        if self.order.kept is not None:
            return accompaniment(self.order.kept)
        if self.order.between is not None and self.order.between.compose is not None:
            return self.order.between.compose
        return None if self.plan is None else planned(self.plan, self.order.variation)

    def _written(self, path: Path, number: int, drawn: Song) -> Written:
        """A song that was drawn as this number, in its files; say what they hold."""
        order = self.order
        new, song = self._finished(drawn)
        title, made = f"{path.stem}: {new.name}", (*self.origin, new.name)
        plan = None if self.plan is None else self.plan.lasting(len(bar_lines(song)) - 1)
        written = write_song(
            song, path, self.compare, title=title, made=made, soundfont=order.soundfont, new=new,
            sections=() if plan is None else plan.sections, grid=self.prime.song.grid,
        )  # fmt: skip
        say(written.describe())
        if self.avoids is not None:
            say(self.avoids.describe(number))
        if plan is not None:
            say(f"form: {plan}, {self.form}; found again in it: {find_form(written.song)}")
        if order.kept is not None:
            say(order.kept.describe(written.song, self.settings, int(new.notes.onset.max())))
        if order.musicxml:
            say(write_musicxml(song, path.with_suffix(".musicxml"), title=path.stem, made=made).describe())
        return written

    def _finished(self, drawn: Song) -> tuple[Song, Song]:
        """What is new, as it is looked for in the training songs, and the whole song that is written."""
        if self.order.kept is not None:
            return drawn, self.order.kept.dressed(drawn, self.settings, self.dressed)
        new = self.dressed(drawn)
        before = self.prime.exact
        if before is None:
            return new, new
        tick = self.prime.line * (before.grid // self.prime.song.grid)
        return new, continued(before, to_exact(new), tick, self.dress.instruments)


def _with_notes(drawn: Iterable[Song]) -> dict[int, Song]:
    """The songs by the number that they were drawn as, but for those without a note, which is told.

    Raises:
        UserError: none has a note.
    """
    songs = dict(enumerate(drawn))
    found = {number: song for number, song in songs.items() if len(song.notes)}
    more = "give more --bars or --events, or another --seed"
    if not found:
        raise UserError(f"no new note begins in the bars that are asked for: {more}")
    if empty := [str(number + 1) for number in songs if number not in found]:
        note(f"candidates without a note are left out: {', '.join(empty)} of {len(songs)}; {more}")
    return found
