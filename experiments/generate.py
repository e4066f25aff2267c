"""Write a new song with the heads that won: a MIDI file, and its sound and picture beside it.

Example: python -m experiments.generate my_run --prime my_song.mid --bars 32
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from datamodules.errors import UserError
from experiments.cli import main, note, say
from experiments.config_file import ConfigFile, RunsFolder
from experiments.heads import HEADS

if TYPE_CHECKING:
    from experiments.music import mixed
    from experiments.music.dressing import Dress
    from experiments.music.generation import Sampling, Settings
    from experiments.music.prime import Prime
    from experiments.music.writing import Written
    from experiments.run_folder import Run
    from experiments.winners import Winner

__all__ = ["GenerateOptions", "chosen_winners", "first_song", "generate", "write_songs"]

# tyro would say "(default: None)" after a help text that tells the default in words
Number = Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")]
PerHead = Annotated[
    tuple[str, ...], tyro.conf.arg(metavar="[HEAD=]X", help_behavior_hint=""), tyro.conf.UseAppendAction
]
Share = Annotated[tuple[float, ...] | None, tyro.conf.arg(metavar="[SHARE]", help_behavior_hint="")]
MOST_CANDIDATES = 1000


def _run_of(head: str) -> Any:
    """The option that is named after a head."""
    told = tyro.conf.arg(
        metavar="RUN", help_behavior_hint="", help=f"another run, or a winner's file, to take the {head} head from"
    )
    return head, Annotated[str | None, told], dataclasses.field(default=None)


if TYPE_CHECKING:
    RunOfHead = object
else:  # an option a head: --notes RUN and so on
    RunOfHead = dataclasses.make_dataclass("RunOfHead", map(_run_of, HEADS), frozen=True)


@dataclass(frozen=True)
class GenerateOptions(RunOfHead):
    """Write a new song with the heads that won: MIDI, sound and picture.

    Example: python -m experiments.generate my_run --prime my_song.mid --bars 32
    """

    run: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[RUN]", help_behavior_hint="")] = None
    """a run, by path or name; without one, the newest winner of each head is taken"""
    prime: Annotated[Path | None, tyro.conf.arg(metavar="SONG", help_behavior_hint="")] = None
    """the MIDI file whose opening is gone on from (default: the first training song, else a bundled one)"""
    go_on: Annotated[Path | None, tyro.conf.arg(name="continue", metavar="SONG", help_behavior_hint="")] = None
    """a MIDI file of yours that stands first, unchanged, and that the new bars continue (in place of --prime)"""
    events: Number = None
    """how many events to write (default: 256)"""
    bars: Number = None
    """how many bars to fill, in place of --events"""
    temperature: PerHead = ()
    """1 draws as was learnt, less is tamer, 0 takes the likeliest; of all heads, or one: notes=1.2 (repeatable; 1)"""
    top_p: PerHead = ()
    """draw among the likeliest values that hold this probability; in the same two forms (repeatable; 0.95)"""
    mix_ngram: Share = None
    """leave this share of the events to the best n-gram model of the training songs (default: fitted on validation)"""
    tempo: Annotated[float | None, tyro.conf.arg(metavar="BPM", help_behavior_hint="")] = None
    """quarter notes a minute (default: the prime's)"""
    key: Annotated[str | None, tyro.conf.arg(metavar="KEY", help_behavior_hint="")] = None
    """move the new song into a key, as Bb or 'F# minor' (default: as the heads write it, in the prime's)"""
    drums: Literal["none", "like"] = "none"
    """like: the drum bars of the prime song under the new bars, again and again"""
    tracks: Literal["split", "one"] = "split"
    """a track for melody, chords and bass each, as the training songs spread pitches over parts; or one for all"""
    instruments: Annotated[str | None, tyro.conf.arg(metavar="PART=INSTRUMENT,...", help_behavior_hint="")] = None
    """what plays, as melody=flute,bass=33: names, or General MIDI numbers from 1 (default: as in the training songs)"""
    seed: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """of all draws: the same seed writes the same song"""
    candidates: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """how many songs to write, as output-1.mid, output-2.mid, ..."""
    soundfont: Annotated[Path | None, tyro.conf.arg(metavar="SF2", help_behavior_hint="")] = None
    """a SoundFont for the sound, played by FluidSynth (default: a small synthesizer of our own)"""
    play: Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help_behavior_hint="")] = False
    """play the song when it is written"""
    all_songs: Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help_behavior_hint="")] = False
    """use the winners that `train --all-songs` made"""
    out: Annotated[Path, tyro.conf.arg(metavar="FILE")] = Path("output.mid")
    """the MIDI file; the sound and the picture are named after it"""
    runs: RunsFolder = None
    config: ConfigFile = None

    def __post_init__(self) -> None:
        if self.events is not None and self.bars is not None:
            raise UserError("--events and --bars: give one of them")
        if self.go_on is not None:
            for option, value in (("--prime", self.prime), ("--tempo", self.tempo), ("--key", self.key)):
                if value is not None:
                    raise UserError(f"{option}: a song to --continue has its own; give one or the other")
        if len(self.mix_ngram or ()) > 1:
            raise UserError("--mix-ngram: give one share, or none, which is then fitted on validation")
        if not 1 <= self.candidates <= MOST_CANDIDATES:
            raise UserError(f"--candidates {self.candidates}: must be from 1 to {MOST_CANDIDATES:,}")
        if self.out.suffix.lower() not in (".mid", ".midi"):
            raise UserError(f"--out {self.out}: name a MIDI file, as {self.out.with_suffix('.mid')}")


def generate(options: GenerateOptions, arguments: Sequence[str]) -> None:
    """The command: winners and a prime -> new songs."""
    from experiments.music.dressing import dress_of

    settings = _settings(options)
    dress = dress_of(options.key, options.tracks, options.instruments, options.drums, options.go_on)
    if options.soundfont is not None:
        from experiments.music.soundfont import check_soundfont

        check_soundfont(options.soundfont)
    winners = chosen_winners(options)
    shares = {}
    if options.mix_ngram is not None:
        from experiments.music.mixed import shares_of

        shares = shares_of(winners, next(iter(options.mix_ngram), None))
    written = write_songs(
        winners, options.go_on or options.prime, options.out, settings, shares=shares, candidates=options.candidates,
        soundfont=options.soundfont,
        dress=dress,
    )  # fmt: skip
    if options.play:
        from experiments.music.playing import play

        for one in written:
            play(one.sound)


def first_song(run: Run, heads: Sequence[str], *, seed: int = 1) -> Written:
    """Write song.mid into a run, so that a search ends with something to hear."""
    from experiments.music.generation import Settings
    from experiments.winners import load_winner

    winners = {head: load_winner(run.winner(head)) for head in heads}
    return write_songs(winners, None, run.path / "song.mid", Settings(seed=seed))[0]


def write_songs(
    winners: Mapping[str, Winner],
    prime: Path | None,
    out: Path,
    settings: Settings,
    *,
    shares: Mapping[str, mixed.Share] = MappingProxyType({}),
    candidates: int = 1,
    soundfont: Path | None = None,
    dress: Dress | None = None,
) -> list[Written]:
    """Write new songs, and say what was written and how much of it stands in the training songs.

    Args:
        winners: by head.
        prime: a MIDI file; None for the default one.
        out: the MIDI file; with several candidates numbers are added to its name.
        settings: see `generation.Settings`.
        shares: by head, what it leaves to an n-gram model.
        candidates: how many songs.
        soundfont: what they sound like; None for our own synthesizer.
        dress: their key, tracks and instruments; None for those of the training songs.

    Raises:
        UserError: no winners, heads that do not go together, a bad prime, or a file that cannot be written.
    """
    from experiments.music.dressing import Dress, dresser
    from experiments.music.generation import generate as new_songs
    from experiments.music.joining import continued
    from experiments.music.prime import find_prime
    from experiments.music.training_songs import training_songs
    from experiments.music.writing import numbered_path, write_song
    from experiments.progress import bar

    dress = dress or Dress()
    found = find_prime(winners, prime, whole=dress.continues)
    _announce(winners, found, settings, shares)
    with bar("writing events") as advance:
        songs = list(new_songs(winners, found, settings, shares=shares, candidates=candidates, progress=advance))
    training = training_songs(winners.values())
    dressed = dresser(winners, found, training, dress)
    written = []
    for number, song in enumerate(songs, start=1):
        path = out if candidates == 1 else numbered_path(out, number)
        new = dressed(song)
        song = continued(found.song, new, found.line) if dress.continues else new
        one = write_song(song, path, training, title=f"{path.stem}: {new.name}", soundfont=soundfont, new=new)
        written.append(one)
        say(one.describe())
    return written


def chosen_winners(options: GenerateOptions) -> dict[str, Winner]:
    """The winners that RUN and the options of the heads name; without RUN, the newest of the other heads too.

    Raises:
        UserError: there is none, or a run lacks the head that it was named for.
    """
    from experiments.run_folder import default_runs, open_run
    from experiments.winners import ALL_SONGS, WINNER, load_winner, newest_winner

    runs, name = options.runs or default_runs(), ALL_SONGS if options.all_songs else WINNER
    run = open_run(options.run, runs) if options.run is not None else None
    paths: dict[str, Path] = {}
    for head in HEADS:
        named = getattr(options, head, None)
        if named is not None:
            paths[head] = _named(named, head, runs, name)
        elif run is None:
            newest = newest_winner(runs, head, name)
            paths |= {head: newest} if newest else {}
        elif run.winner(head, name).is_file():
            paths[head] = run.winner(head, name)
        elif run.winner(head).is_file():
            raise UserError(_no_all_songs(head, run.path))
    if not paths:
        where = f"{run.path} has no winner yet" if run else f"there is no winner under {runs} yet"
        command = f"train all --run {run.name if run else 'RUN'} --all-songs" if options.all_songs else "tune notes"
        raise UserError(f"{where}: run `python -m experiments.{command}` first")
    winners = {head: load_winner(path) for head, path in paths.items()}
    for head, winner in winners.items():
        if winner.spec.name != head:
            raise UserError(f"--{head} {winner.path} is a winner of the {winner.spec.name} head")
    return winners


def _named(named: str, head: str, runs: Path, name: str) -> Path:
    """The winner that --HEAD names: in a run, or a file that was taken out of one."""
    from experiments.run_folder import open_run
    from experiments.winners import ALL_SONGS

    if Path(named).is_file():
        return Path(named)
    run = open_run(named, runs)
    path = run.winner(head, name)
    if path.is_file():
        return path
    if name == ALL_SONGS and run.winner(head).is_file():
        raise UserError(_no_all_songs(head, run.path))
    raise UserError(f"--{head} {named}: that run has no winner of the {head} head")


def _no_all_songs(head: str, run: Path) -> str:
    command = f"python -m experiments.train {head} --run {run} --all-songs"
    return f"--all-songs: the {head} head of {run} was not trained on all songs: run `{command}` first"


def _settings(options: GenerateOptions) -> Settings:
    """The options as the generator takes them."""
    from experiments.music.generation import Settings

    given = {} if options.events is None else {"events": options.events}
    return Settings(
        **given,
        bars=options.bars,
        sampling=_sampling(options.temperature, options.top_p),
        tempo=options.tempo,
        seed=options.seed,
    )


def _sampling(temperature: Sequence[str], top_p: Sequence[str]) -> dict[str, Sampling]:
    """NUMBER (all heads) and HEAD=NUMBER, as each head's sampling. One head's own number wins over that of all."""
    from experiments.music.generation import Sampling

    sampling = dict.fromkeys(HEADS, Sampling())
    for field, texts in (("temperature", temperature), ("top_p", top_p)):
        for text in sorted(texts, key=lambda text: "=" in text):
            head, equals, number = text.rpartition("=")
            option = f"--{field.replace('_', '-')} {text}"
            if equals and head not in HEADS:
                raise UserError(f"{option}: {head!r} is no head; heads are {', '.join(HEADS)}")
            try:
                value = float(number)
            except ValueError as error:
                raise UserError(f"{option}: give a number, or HEAD=NUMBER as notes=0.9") from error
            for name in [head] if equals else HEADS:
                sampling[name] = dataclasses.replace(sampling[name], **{field: value})
    return sampling


def _announce(
    winners: Mapping[str, Winner], prime: Prime, settings: Settings, shares: Mapping[str, mixed.Share]
) -> None:
    """Say where each column comes from, and what the user should know of it."""
    from experiments.music.generation import Sampling, unknown_of_prime, without_head

    for head in HEADS:
        if head not in winners:
            say(f"{head}: no head, so {without_head(head)}")
            continue
        winner, sampling = winners[head], settings.sampling.get(head, Sampling())
        how = f"temperature {sampling.temperature:g}, top-p {sampling.top_p:g}"
        if getattr(winner.config, "objective", "") == "mae":
            how = "a regression, which has nothing to draw"
        how += f"; {shares[head].describe()}" if head in shares else ""
        say(f"{winner.column.title}: {winner.path} (window {winner.config.window}; {how})")
        if winner.label == "training songs" or winner.facts.get("split", "").startswith("nothing held out"):
            note(
                f"the {head} head was made with --split none: its figures are of its training songs, which it may copy"
            )
    origin = f" ({prime.origin})" if prime.origin else ""
    if prime.continues:
        say(f"continues: {prime.song.name}, all of whose {prime.context:,} events are heard first")
    else:
        say(f"prime: {prime.song.name}{origin}; its first {prime.context} events are context, and not written")
    for head, (unknown, values) in unknown_of_prime(winners, prime).items():
        if unknown:
            what = "chords" if HEADS[head].column.chords else "values"
            say(f"{unknown} of the prime's {values} {what} are unknown to the {head} head")


if __name__ == "__main__":
    sys.exit(main(GenerateOptions, generate, prog="generate"))
