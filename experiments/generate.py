"""Write a new song with the heads that won: a MIDI file, and its sound and picture beside it.

Example: python -m experiments.generate my_run --prime my_song.mid --bars 32
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from datamodules.errors import UserError
from experiments.command_line.cli import main, say
from experiments.command_line.common_options import ConfigFile, RunsFolder
from experiments.command_line.option_fields import Section, Switch, worded
from experiments.head_options import MixOfHead, check_between, mix_of
from experiments.heads import HEADS, WRITING
from experiments.music.between.mix import AUTOENCODER
from experiments.music.form.varying import VARIATION

if TYPE_CHECKING:
    from experiments.music.arrangement.dressing import Dress
    from experiments.music.between.mixing import Between
    from experiments.music.events.sampling import Sampling
    from experiments.music.events.settings import Settings
    from experiments.music.form.planning import Plan
    from experiments.music.own_song.keeping import Kept
    from experiments.music.writing import Written
    from experiments.winners import Winner

__all__ = ["GenerateOptions", "generate"]

Number = Annotated[int | None, worded("N")]
PerHead = Annotated[tuple[str, ...], worded("[HEAD=]X"), tyro.conf.UseAppendAction]
Share = Annotated[tuple[float, ...] | None, worded("[SHARE]")]
MOST_CANDIDATES = 1000
SHORTEST_RUN = 2  # events: a run of less than three different chords is no copy
NO_FORM = "none"
MOST_SHOWN = 5  # songs in a page: each has its sound in it


@dataclass(frozen=True)
class GenerateOptions(MixOfHead):
    """Write a new song with the heads that won: MIDI, sound and picture.

    It goes on from the opening of a song, its prime. What no head says is as in the
    prime. It ends with how much of the new song stands in the training songs.

    Example: python -m experiments.generate my_run --prime my_song.mid --bars 32
    """

    prime: Annotated[Path | None, worded("SONG"), Section("what it begins with; its length")] = None
    """the MIDI file whose opening is gone on from (default: the first training song, else a bundled one)"""
    go_on: Annotated[Path | None, tyro.conf.arg(name="continue", metavar="SONG", help_behavior_hint="")] = None
    """a MIDI file of yours whose notes and tempos stand first, and that the new bars continue (in place of --prime)"""
    keep: Annotated[str | None, worded("PART:SONG")] = None
    """notes of a MIDI file that stay, as melody:my_song.mid, around which the heads write, as long as they are unless
    --bars or --events tell. PART: melody, chords, bass, drums, all, or a part's name (several with commas)"""
    events: Number = None
    """how many events to write (default: as many as the form has; 256 without one)"""
    bars: Number = None
    """how many bars to fill, in place of --events"""
    form: Annotated[str | None, worded("FORM")] = None
    """its sections: AABA (of 8 bars), A16B8A16, intro:4-verse-chorus-verse-chorus, or like:my_song.mid; those of one
    label are the same again. none: without a plan (default: the prime's sections, begun again or cut for more or
    fewer --bars or --events)"""
    variation: Annotated[float, tyro.conf.arg(metavar="X")] = VARIATION
    """how free a section that returns is: 0 is as it was, 1 is new; the share of its bars that change, and of the
    chords that change in them"""
    temperature: Annotated[PerHead, Section("how it is drawn")] = ()
    """1 draws as was learnt, less is tamer, 0 takes the likeliest; of all heads, or one: notes=1.2 (repeatable;
    default: 1)"""
    top_p: PerHead = ()
    """draw among the likeliest values that hold this probability; in the same two forms (repeatable; default:
    0.95 for notes, 0.995 for the others)"""
    like: Annotated[tuple[Path, ...], worded("RATINGS ...")] = ()
    """ratings that the blind page of `report` saved: the temperatures and top-p rated best; those given above win"""
    mix_ngram: Share = None
    """leave this share of the events to the best n-gram model of the training songs (default: fitted on validation)"""
    max_copy: Number = None
    """share no run of more than N events with a training song: of chords, in any key and rhythm (default: any run)"""
    tempo: Annotated[float | None, worded("BPM"), Section("how it is arranged")] = None
    """quarter notes a minute (default: the prime's)"""
    key: Annotated[str | None, worded("KEY")] = None
    """move the new song into a key, as Bb or 'F# minor' (default: as the heads write it, in the prime's)"""
    drums: Literal["none", "like"] = "none"
    """like: the drum bars of the prime song under the new bars, again and again"""
    tracks: Literal["split", "one"] = "split"
    """a track for melody, chords and bass each, as the training songs spread pitches over parts; or one for all"""
    instruments: Annotated[str | None, worded("PART=INSTRUMENT,...")] = None
    """what plays, as melody=flute,bass=33: names, or General MIDI numbers from 1 (default: as in the training songs,
    or in the song to --continue)"""
    seed: Annotated[int, tyro.conf.arg(metavar="N"), Section("what is written")] = 1
    """decides all draws: the same seed writes the same song"""
    candidates: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """how many songs to write, as output-1.mid (the likeliest under the heads), output-2.mid, ..."""
    soundfont: Annotated[Path | None, worded("SF2")] = None
    """a SoundFont for the sound, played by FluidSynth (default: a small synthesizer of our own)"""
    musicxml: Switch = False
    """write a score beside the MIDI file too, as FILE.musicxml, which notation programs open (needs music21)"""
    report: Switch = False
    """write the page of RUN again, with the new song in it"""
    play: Switch = False
    """play the song when it is written"""
    out: Annotated[Path, tyro.conf.arg(metavar="FILE")] = Path("output.mid")
    """the MIDI file; the sound and the picture are named after it"""
    runs: RunsFolder = None
    config: ConfigFile = None

    def __post_init__(self) -> None:
        self._check_alternatives()
        self._check_between()
        if not 0 <= self.variation <= 1:
            raise UserError(f"--variation {self.variation:g}: must be from 0 to 1")
        if self.max_copy is not None and self.max_copy < SHORTEST_RUN:
            raise UserError(f"--max-copy {self.max_copy}: must be at least {SHORTEST_RUN}")
        if len(self.mix_ngram or ()) > 1:
            raise UserError("--mix-ngram: give one share, or none, which is then fitted on validation")
        if not 1 <= self.candidates <= MOST_CANDIDATES:
            raise UserError(f"--candidates {self.candidates}: must be from 1 to {MOST_CANDIDATES:,}")
        if self.report and self.run is None:
            raise UserError("--report: name the RUN whose page is written")
        if self.out.suffix.lower() not in (".mid", ".midi"):
            raise UserError(f"--out {self.out}: name a MIDI file, as {self.out.with_suffix('.mid')}")

    def _check_alternatives(self) -> None:
        """Options of which one says what another does."""
        if self.events is not None and self.bars is not None:
            raise UserError("--events and --bars: give one of them")
        alternatives = (
            (self.go_on is not None, "a song to --continue has its own", ("prime", "tempo", "key")),
            (self.keep is not None, "would move notes that --keep is to leave as they are", ("continue", "key")),
            (self.sections is not None, "a --form has its own bars", ("events", "bars", "continue", "keep")),
        )
        for given, why, others in alternatives:
            for option in others if given else ():
                if self._given(option) is not None:
                    raise UserError(f"--{option}: {why}; give one or the other")

    def _check_between(self) -> None:
        """Options that do not go together with --between."""
        others = [*("prime", "continue", "keep", "mix-ngram"), *(("max-copy",) if self.way == AUTOENCODER else ())]
        found = {f"--{option}": self._given(option) for option in others}
        check_between(self, found | ({"--form": self.sections} if self.way == AUTOENCODER else {}))

    def _given(self, option: str) -> object:
        """The value of an option, by its name on the command line."""
        return self.go_on if option == "continue" else getattr(self, option.replace("-", "_"))

    @property
    def sections(self) -> str | None:
        """The form that is asked for; None where none is, or none at all."""
        return None if self.form == NO_FORM else self.form


def generate(options: GenerateOptions, arguments: Sequence[str]) -> None:
    """The command: winners and a prime -> new songs."""
    from experiments.music.arrangement.dressing import dress_of
    from experiments.music.choosing import chosen_winners
    from experiments.music.events.sampling import note_unused
    from experiments.music.making import Order, write_songs

    settings = _settings(options)
    _check_tools(options)
    dress = dress_of(options.key, options.tracks, options.instruments, options.drums, options.go_on)
    of_heads = {head: getattr(options, head) for head in HEADS}
    chosen = chosen_winners(options.run, of_heads, options.runs, all_songs=options.all_songs)
    winners = {head: winner for head, winner in chosen.items() if head in WRITING}
    if not winners:
        raise UserError(f"{', '.join(chosen)}: writes nothing of a song; tune {', '.join(WRITING)}, or one of them")
    note_unused(options.temperature, options.top_p, ["notes"] if options.way == AUTOENCODER else list(winners))
    between = _between(options, winners, dress, settings)
    shares = {}
    if options.mix_ngram is not None:
        from experiments.music.events.ngram_share import shares_of

        shares = shares_of(winners, next(iter(options.mix_ngram), None))
    order = Order(
        winners,
        options.out,
        settings,
        prime=options.go_on or options.prime,
        shares=shares,
        candidates=options.candidates,
        soundfont=options.soundfont,
        dress=dress,
        kept=_kept(options, winners, dress),
        musicxml=options.musicxml,
        max_copy=options.max_copy,
        plan=_plan(options, winners),
        free=options.form == NO_FORM,
        variation=options.variation,
        between=between,
        judges={head: winner for head, winner in chosen.items() if head not in WRITING},
    )
    _show(options, write_songs(order))


def _check_tools(options: GenerateOptions) -> None:
    """Refuse at once what asks for a program, a file or a library that is not here."""
    if options.musicxml:
        from experiments.music.score.musicxml import check_musicxml

        check_musicxml()
    if options.soundfont is not None:
        from experiments.music.sound.soundfont import check_soundfont

        check_soundfont(options.soundfont)


def _between(
    options: GenerateOptions, winners: Mapping[str, Winner], dress: Dress, settings: Settings
) -> Between | None:
    """What --between names."""
    if options.between is None:
        return None
    from experiments.music.between.mixing import between
    from experiments.music.between.pair import read_pair

    return between(winners, read_pair(winners, options.between, dress.key), mix_of(options), settings)


def _kept(options: GenerateOptions, winners: Mapping[str, Winner], dress: Dress) -> Kept | None:
    """What --keep names."""
    if options.keep is None:
        return None
    from experiments.music.events.grids import common_grid
    from experiments.music.own_song.keeping import read_kept
    from experiments.music.training_songs import reading_limits

    grid, limits = common_grid(winners.values()), reading_limits(winners.values())
    bounds = options.events is None and options.bars is None
    return read_kept(options.keep, grid, bounds=bounds, limits=limits).playing(dress.instruments)


def _plan(options: GenerateOptions, winners: Mapping[str, Winner]) -> Plan | None:
    """What --form names; None for the prime's, or none."""
    if options.sections is None:
        return None
    from experiments.music.events.grids import common_grid
    from experiments.music.form.planning import read_plan
    from experiments.music.training_songs import reading_limits

    return read_plan(options.sections, common_grid(winners.values()), reading_limits(winners.values()))


def _show(options: GenerateOptions, written: Sequence[Written]) -> None:
    """Write the run's page again with the new songs in it, or say how; and play them."""
    if options.run is not None:
        from experiments.report import write_report
        from experiments.run_folder import SONG, open_run

        songs = [one.midi for one in written]
        if options.report:
            run = open_run(options.run, options.runs)
            own = [run.path / SONG] if (run.path / SONG).is_file() else []
            say(f"report: {write_report(run, [*songs[:MOST_SHOWN], *own]).describe()}")
        else:
            shown = " ".join(shlex.quote(str(path)) for path in songs[:MOST_SHOWN])
            where = "" if options.runs is None else f" --runs {shlex.quote(str(options.runs))}"
            say(f"next: python -m experiments.report {shlex.quote(options.run)}{where} --song {shown}")
    if options.play:
        from experiments.music.sound.playing import play

        for one in written:
            play(one.sound)


def _settings(options: GenerateOptions) -> Settings:
    """The options as the generator takes them."""
    from experiments.music.events.sampling import read_sampling
    from experiments.music.events.settings import MOST_EVENTS, Settings

    whole = MOST_EVENTS if options.keep is not None else None  # as many as there are to the end of what is kept
    return Settings(
        events=whole if options.events is None and options.bars is None else options.events,
        bars=options.bars,
        sampling=read_sampling(options.temperature, options.top_p, _liked(options)),
        tempo=options.tempo,
        seed=options.seed,
    )


def _liked(options: GenerateOptions) -> Mapping[str, Sampling]:
    """The sampling that was rated best, by head, and a word of it; nothing without --like."""
    from experiments.music.ratings import liked

    if not options.like:
        return {}
    found = liked(options.like)
    given = [name for name, texts in (("--temperature", options.temperature), ("--top-p", options.top_p)) if texts]
    say(found.told + (f" ({' and '.join(given)} as given here)" if given else ""))
    return found.sampling


if __name__ == "__main__":
    sys.exit(main(GenerateOptions, generate, prog="generate"))
