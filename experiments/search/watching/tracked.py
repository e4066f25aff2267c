"""What trackers are told of a search beside its trials: what runs are filtered by, and the song at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from experiments.command_line.cli import note
from experiments.figures import metric_name
from experiments.searchers import DEFAULT
from experiments.tracking.guarded import Guarded
from experiments.tracking.trackers import TRACKERS, Search
from experiments.tracking.wandb_runs import SongFiles, Tracking

if TYPE_CHECKING:
    from experiments.dataset import Dataset
    from experiments.music.copying.figures import Shared
    from experiments.music.writing import Written
    from experiments.run_folder import Run
    from experiments.search.one_head import HeadPlan

__all__ = ["following", "search_of", "track_song"]

NAME = 80  # characters of a run's name: W&B takes 128 in all
HEARD = 180.0  # seconds of a song's sound: 2 MB


@contextmanager
def following(tracking: Tracking, run: Run, dataset: Dataset, plan: HeadPlan) -> Iterator[list[Guarded]]:
    """The trackers that the options of a head's search name, each behind its guard; closed at the end."""
    search, options = search_of(tracking, run, dataset, plan), plan.options
    names = ["wandb", *(["tensorboard"] if options.tensorboard else []), *options.track]
    with ExitStack() as closing:
        yield [closing.enter_context(Guarded(TRACKERS[name], search, note)) for name in dict.fromkeys(names)]


def search_of(tracking: Tracking, run: Run, dataset: Dataset, plan: HeadPlan) -> Search:
    """What trackers are told of a head's search.

    The tags are what W&B's runs are filtered by among those of other searches; the config's `search` is what two trials
    must share to be compared.
    """
    spec, options = plan.spec, plan.options
    metric = metric_name(spec.name, options.metric)
    marks = {
        options.preset: options.preset,
        "space": options.space,
        options.searcher: options.searcher != DEFAULT,
        "init": options.init,
        "warm-start": options.warm_start,
        "folds": options.folds > 1,
        metric: metric != "nats",
    }
    about = {
        "run": run.name,
        "head": spec.name,
        "metric": metric,
        "songs": dataset.digest,  # over songs, parts, grid and split
        "split": dataset.split.name,
        "grid": dataset.options.grid,
        "parts": list(dataset.options.parts or ()),
        "seed": options.seed,
        "searcher": options.searcher,
        "max_epochs": options.max_epochs,
        "folds": options.folds,
        "preset": options.preset,
    }
    tags = (spec.name, *(str(mark) for mark, given in marks.items() if given))
    group = _group(run, spec.name)
    return Search(run.head(spec.name), group, f"{run.facts['id']}-{spec.name}", tags, about, tracking)


def track_song(tracking: Tracking, run: Run, dataset: Dataset, written: Written) -> None:
    """Show the song that a session ends with, and the table of the songs that were read."""
    columns = ("path", "accepted", "reason", "events", "parts", "split")
    songs = [{name: song[name] for name in columns} for song in dataset.to_json()["songs"]]
    for song in songs:
        song["parts"] = ", ".join(song["parts"])
    tracking.song(_group(run, "song"), f"{run.facts['id']}-song", lambda: _files(written), songs)


def _files(written: Written) -> SongFiles:
    from experiments.music.sound.mp3 import beginning_as_mp3

    sound = b"" if written.sound is None else beginning_as_mp3(written.sound, HEARD)
    found = written.copying
    facts: dict[str, Any] = {
        "events": written.events,
        "bars": written.bars,
        "seconds": round(written.seconds, 1),
        **_copied("", found.views),
        **_copied("held_out_", found.beside),
    }
    return SongFiles(written.midi, written.picture, sound, facts, found.describe())


def _copied(of: str, views: Mapping[str, Shared]) -> dict[str, float | None]:
    """What of a song, or of held-out ones, stands in the training songs."""
    shares = {f"{of}copied_{view}_{n}": share for view, shared in views.items() for n, share in shared.found.items()}
    return shares | {f"{of}longest_copied_{view}": shared.longest for view, shared in views.items()}


def _group(run: Run, what: str) -> str:
    return f"{run.name[:NAME]}/{what}"
