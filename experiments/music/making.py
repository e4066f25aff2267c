"""Winners and a prime to new songs in files, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from datamodules.form import find_form
from datamodules.song import Song
from experiments.cli import console, note, say
from experiments.heads import HEADS
from experiments.music.accompanying import accompaniment
from experiments.music.avoiding import avoiding
from experiments.music.copying import comparison
from experiments.music.dressing import Dress, dresser
from experiments.music.exact import read_exact, to_exact
from experiments.music.generation import Sampling, Settings, generate, unknown_of_prime, without_head
from experiments.music.joining import continued
from experiments.music.keeping import Kept, in_its_key
from experiments.music.mixed import Share
from experiments.music.origin import origin_of
from experiments.music.planned import planned
from experiments.music.planning import Plan
from experiments.music.prime import Prime, find_prime
from experiments.music.ranking import candidate_table, likelihoods
from experiments.music.score import write_musicxml
from experiments.music.writing import Written, numbered_path, write_song
from experiments.progress import bar
from experiments.run_folder import SONG, Run
from experiments.winners import Winner, load_winner

__all__ = ["first_song", "write_songs"]


def first_song(run: Run, heads: Sequence[str], *, seed: int = 1) -> Written:
    """Write song.mid into a run, so that a search ends with something to hear."""
    winners = {head: load_winner(run.winner(head)) for head in heads}
    return write_songs(winners, None, run.path / SONG, Settings(seed=seed))[0]


def write_songs(
    winners: Mapping[str, Winner],
    prime: Path | None,
    out: Path,
    settings: Settings,
    *,
    shares: Mapping[str, Share] = MappingProxyType({}),
    candidates: int = 1,
    soundfont: Path | None = None,
    dress: Dress | None = None,
    kept: Kept | None = None,
    musicxml: bool = False,
    max_copy: int | None = None,
    plan: Plan | None = None,
    variation: float = 0.0,
) -> list[Written]:
    """Write new songs, and say what was written and how much of it stands in the training songs.

    Several candidates are numbered from the likeliest under the heads on.

    Args:
        winners: by head.
        prime: a MIDI file; None for the default one.
        out: the MIDI file; with several candidates numbers are added to its name.
        settings: see `generation.Settings`.
        shares: by head, what it leaves to an n-gram model.
        candidates: how many songs.
        soundfont: what they sound like; None for our own synthesizer.
        dress: their key, tracks and instruments; None for those of the training songs.
        kept: parts of a song that stay, around which the heads write; None for none.
        musicxml: whether a score is written beside each.
        max_copy: events of the longest run of chords that they may share with a training song; None for any.
        plan: the sections of a new song; None for as the heads go on.
        variation: see `planned.planned`.

    Raises:
        UserError: no winners, heads that do not go together, a bad prime, or a file that cannot be written.
    """
    dress = dress or Dress()
    found = find_prime(winners, prime, whole=dress.continues)
    compose = None if plan is None else planned(plan, variation)
    if kept is not None:
        found, compose = in_its_key(found, kept, winners), accompaniment(kept)
        dress = replace(dress, kept=kept.taken)
    compare = comparison(winners)
    avoids = None if max_copy is None else avoiding(winners, compare.training, max_copy)
    _announce(winners, found, settings, shares)
    with bar("writing events") as advance:
        drawn = generate(
            winners, found, settings, shares=shares, candidates=candidates, progress=advance, compose=compose,
            avoiding=avoids,
        )  # fmt: skip
        songs = list(drawn)
    origin = origin_of(winners, found, settings, shares)
    if max_copy is not None:
        origin += (f"no run of more than {max_copy} events was to be shared with a training song",)
    dressed = dresser(winners, found, compare.training, dress)
    paths = [out] if candidates == 1 else [numbered_path(out, rank) for rank in range(1, candidates + 1)]
    likely = likelihoods(winners, songs) if candidates > 1 else []
    order = sorted(range(candidates), key=lambda number: likely[number].rank) if likely else [0]
    written = []
    for path, number in zip(paths, order, strict=True):
        new, song = _finished(songs[number], found, settings, dress, dressed, kept)
        title, made = f"{path.stem}: {new.name}", (*origin, new.name)
        written.append(write_song(song, path, compare, title=title, made=made, soundfont=soundfont, new=new))
        say(written[-1].describe())
        if avoids is not None:
            say(avoids.describe(number))
        if plan is not None:
            say(f"form: {plan}, as asked; found again in it: {find_form(written[-1].song)}")
        if kept is not None:
            say(kept.describe(written[-1].song, settings, int(new.notes.onset.max())))
        if musicxml:
            say(write_musicxml(song, path.with_suffix(".musicxml"), title=path.stem, made=made).describe())
    if likely:
        rows = zip(written, order, strict=True)
        console.print(candidate_table([(one.midi, i + 1, likely[i], one.copying) for one, i in rows]))
    return written


def _finished(
    drawn: Song,
    prime: Prime,
    settings: Settings,
    dress: Dress,
    dressed: Callable[[Song], Song],
    kept: Kept | None,
) -> tuple[Song, Song]:
    """What is new, as it is looked for in the training songs, and the whole song that is written."""
    if kept is not None:
        return drawn, kept.dressed(drawn, settings, dressed)
    new = dressed(drawn)
    if not dress.continues or prime.path is None:
        return new, new
    before = read_exact(prime.path, prime.song)
    return new, continued(before, to_exact(new), prime.line * (before.grid // prime.song.grid))


def _announce(winners: Mapping[str, Winner], prime: Prime, settings: Settings, shares: Mapping[str, Share]) -> None:
    """Say where each column comes from, and what the user should know of it."""
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
