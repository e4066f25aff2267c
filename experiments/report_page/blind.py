"""The blind page: excerpts that the heads wrote and real ones, in an order that tells nothing, to be rated by ear.

Which is which stands in the page as a block that no reader reads by accident; blind.js opens it when ratings are saved.
"""

from __future__ import annotations

import base64
import datetime
import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import UserError
from datamodules.song import Song
from experiments.dataset import Dataset
from experiments.heads import WRITING
from experiments.heard import HeardSong, heard_before, together
from experiments.music.arrangement.dressing import Dress, dresser
from experiments.music.events.generation import without_head
from experiments.music.events.grids import common_grid
from experiments.music.events.sampling import Sampling
from experiments.music.ratings import BEST, FORMAT, WORST
from experiments.music.sound.mp3 import as_mp3
from experiments.music.sound.wav import PEAK, RATE, render
from experiments.music.training_songs import TrainingSongs
from experiments.provenance import made_by
from experiments.report_page.excerpts import PARTS, Place, find_places, real, with_known, written
from experiments.report_page.filling import filled
from experiments.run_folder import Run
from experiments.winners import Winner

__all__ = ["LEVEL", "SETTINGS", "blind_page", "real_ones"]

# By head; top-p 0 is the default. The first three differ in temperature alone, so that a short page tells of that.
SETTINGS = tuple(
    {head: Sampling(temperature, top_p or Sampling.of(head).top_p) for head in WRITING}
    for top_p in (0.0, 0.9, 1.0)
    for temperature in (1.0, 0.8, 1.2)
)
ONE_REAL = 3  # written excerpts for each real one
LEVEL = 10 ** (-20 / 20)  # of all excerpts, -20 dBFS by root mean square: as loud as each other, and not too soft
FADE = 1.0  # seconds that are faded after the bars, so that no real ending tells
TRIES = 4  # of a candidate that turns out silent

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class _Excerpt:
    """Its sound (MP3) and its row in the ratings."""

    sound: bytes
    seconds: float
    row: dict[str, Any]


def blind_page(
    run: Run,
    winners: Mapping[str, Winner],
    dataset: Dataset,
    training: TrainingSongs,
    *,
    candidates: int,
    seed: int,
    step: Callable[[], object] = lambda: None,
) -> str:
    """The page as HTML.

    Args:
        training: the training songs, whose parts and instruments all excerpts get.
        candidates: how many excerpts the heads write, at one setting after another.
        seed: of all draws: candidates, places and order.
        step: called after each excerpt.

    Raises:
        UserError: the songs have no place that an excerpt could stand in, or are on another grid than the heads.
    """
    if common_grid(winners.values()) != dataset.options.grid:
        raise UserError("the heads are on another grid than the run's songs")
    places = find_places(with_known(dataset, _known(winners)[0]), real_ones(candidates), seed)
    if not places:
        raise UserError("no song has enough bars of one metre in a row")
    dressed = dresser(winners, places[0].prime, training, Dress())
    with ThreadPoolExecutor(1) as pool:  # one is made to sound while the next is written
        made = []
        for song, place, row in _songs(winners, places, candidates, seed):
            made.append(pool.submit(_excerpt, dressed(song), place, row))
            step()
    found = [one.result() for one in made]
    order = np.random.default_rng([seed, len(found)]).permutation(len(found))
    return _page(run, [found[number] for number in order.tolist()], places, winners, seed)


def real_ones(candidates: int) -> int:
    """How many real excerpts stand among so many written ones, where there are places enough."""
    return max(round(candidates / ONE_REAL), 1)


def _known(winners: Mapping[str, Winner]) -> tuple[list[HeardSong], bool]:
    """The songs that heads had heard before their run, and whether each that had tells which."""
    before = [heard_before(winner) for winner in winners.values()]
    return together(*(each.songs for each in before)), all(each.complete for each in before)


def _page(
    run: Run, excerpts: Sequence[_Excerpt], places: Sequence[Place], winners: Mapping[str, Winner], seed: int
) -> str:
    """The excerpts in their order as HTML."""
    key = _key(run, seed, excerpts)
    return filled(
        "blind.html.j2",
        styles=["page.css", "blind.css"],
        scripts=["player.js", "blind.js"],
        name=run.name,
        run=shlex.quote(str(run.path)),
        excerpts=[(base64.b64encode(one.sound).decode(), round(one.seconds, 3)) for one in excerpts],
        key=base64.b64encode(json.dumps(key, allow_nan=False).encode()).decode(),
        parts=" and ".join(part for part in PARTS.values() if any(part in place.part for place in places)),
        held=all(place.part != "training" for place in places),
        sure=_known(winners)[1],
        lacking=[f"{head}: no head, so {without_head(head)}" for head in WRITING if head not in winners],
        ratings=range(WORST, BEST + 1),
        seed=seed,
    )


def _songs(
    winners: Mapping[str, Winner], places: Sequence[Place], candidates: int, seed: int
) -> Iterator[tuple[Song, Place, dict[str, Any]]]:
    """The excerpts as songs of one part, each with its place and its row."""
    for place in places:
        yield real(place), place, {"kind": "real"}
    for number in range(candidates):
        turn, which = divmod(number, len(SETTINGS))
        # a Latin square: every temperature and every top-p meets every place as often, as far as the counts go
        place = places[(which // 3 + which % 3 + turn) % len(places)]
        for attempt in range(TRIES):
            own = int(np.random.SeedSequence([seed, number, attempt]).generate_state(1)[0])
            song = written(winners, place, SETTINGS[which], own)
            if len(song.notes):
                how = {head: asdict(SETTINGS[which][head]) for head in winners}
                yield song, place, {"kind": "written", "settings": how, "seed": own}
                break


def _excerpt(song: Song, place: Place, row: Mapping[str, Any]) -> _Excerpt:
    sound = as_mp3(_even(render(song), place.seconds))
    where = {"song": place.song, "bar": place.bar, "bars": place.bars, "part": place.part}
    return _Excerpt(sound, place.seconds + FADE, {"id": sha256(sound).hexdigest()[:12], **row, **where})


def _even(sound: Samples, seconds: float) -> Samples:
    """A sound as long as its bars and the fade, and as loud as all others, unless it would clip; (samples, 2)."""
    even = np.zeros((round((seconds + FADE) * RATE), 2), np.float32)
    heard = min(len(even), len(sound))
    even[:heard] = sound[:heard]
    fade = int(FADE * RATE)
    even[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    loud, peak = float(np.sqrt(np.mean(np.square(even)))), float(np.abs(even).max())
    even *= min(LEVEL / max(loud, 1e-9), PEAK / max(peak, 1e-9))
    return even


def _key(run: Run, seed: int, excerpts: Sequence[_Excerpt]) -> dict[str, Any]:
    """What blind.js saves, but for the ratings and their date."""
    made = made_by()
    rows = [one.row for one in excerpts]
    return {
        "format": FORMAT,
        "kind": "tritone ratings",
        "run": run.name,
        "run_id": run.facts["id"],
        "songs": run.facts["songs"],
        "commit": made["commit"],
        "versions": {name: version for name, version in made.items() if name != "commit"},
        "seed": seed,
        "made": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "page": sha256(" ".join(row["id"] for row in rows).encode()).hexdigest()[:16],
        "excerpts": rows,
    }
