"""What W&B is told of a session: a trial's tags and config, how it ended, the song and the table of songs."""

import wave
from pathlib import Path
from typing import Any

import pytest
from trials_made import Silent

from experiments.data_options import DataOptions
from experiments.dataset import Dataset, read_dataset
from experiments.heads import HEADS
from experiments.music.copying.figures import Copying, Shared
from experiments.music.copying.matching import VIEWS
from experiments.music.writing import Written
from experiments.run_folder import Run, create_run
from experiments.search.one_head import HeadPlan
from experiments.search.watching.observer import Observer
from experiments.search.watching.tracked import search_of, track_song
from experiments.tables import EpochTable, TrialRow, TrialTable
from experiments.tracking.wandb_runs import SongFiles, Tracking
from experiments.tracking.wandb_tracker import WandbTracker
from experiments.tune import TuneOptions
from songs import bundled


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    broken = tmp_path / "broken.mid"
    broken.write_bytes(b"MThd")
    return read_dataset(DataOptions((str(broken), *map(str, bundled()))))


@pytest.fixture
def run(tmp_path: Path, dataset: Dataset) -> Run:
    return create_run(tmp_path / ("long" * 40), dataset)


class Told(Tracking):
    """Keeps what it is told, and does without W&B."""

    def __init__(self) -> None:
        super().__init__("off", Path(), print)
        self.opened: list[dict[str, Any]] = []
        self.songs: list[Any] = []
        self.summary: dict[str, Any] = {}

    def do(self, action: Any) -> None:
        action()

    def open(self, **opening: Any) -> Any:
        self.opened.append(opening)
        return self

    def finish(self, exit_code: int) -> None:
        self.summary["exit_code"] = exit_code

    def song(self, *given: Any) -> None:
        self.songs.append(given)


def test_a_trial_has_tags_and_what_it_can_be_compared_by(run: Run, dataset: Dataset) -> None:
    told = Told()
    options = TuneOptions(head="offsets", preset="original", metric="mae", init="other", seed=5)
    tracker = WandbTracker(search_of(told, run, dataset, HeadPlan(HEADS["offsets"], options)))
    tracker.start(3, {"hidden": 8})
    tracker.start(3, {"hidden": 8})  # it has a new worker
    (opening,) = told.opened
    assert opening["tags"] == ("offsets", "original", "init", "mae", "search")
    assert opening["group"].endswith("/offsets")
    assert len(opening["name"]) <= 128  # of W&B, whatever a run is called
    assert opening["id"] == f"{run.facts['id']}-offsets-00003"
    about = opening["config"].pop("search")
    assert opening["config"] == {"hidden": 8}
    assert about.items() >= {"seed": 5, "songs": dataset.digest, "split": "tail", "preset": "original"}.items()
    plain = search_of(told, run, dataset, HeadPlan(HEADS["notes"], TuneOptions(head="notes", metric="mae")))
    assert plain.tags == ("notes",)  # whose metric is nats all the same


@pytest.mark.parametrize(
    ("row", "summary"),
    [
        (TrialRow(0, best=1.5, best_epoch=2, figures={"valid": 1.5}, status="running"), {"best": 1.5, "valid": 1.5}),
        (TrialRow(0, status="running"), {"status": "interrupted"}),
    ],
)
def test_a_run_ends_with_its_best_epoch_and_how_it_ended(
    tmp_path: Path, run: Run, dataset: Dataset, row: TrialRow, summary: dict[str, Any]
) -> None:
    told, table = Told(), TrialTable(tmp_path / "trials.csv")
    tracker = WandbTracker(search_of(told, run, dataset, HeadPlan(HEADS["notes"], TuneOptions(head="notes"))))
    tracker.start(0, {})
    table.rows[0] = row
    Observer(table, EpochTable(tmp_path / "epochs.csv"), (tracker,), Silent()).finish()
    assert told.summary.items() >= {**summary, "status": "interrupted", "exit_code": 1}.items()
    assert ("best" in told.summary) == bool(row.best_epoch)  # never infinity


def test_the_song_and_the_songs(tmp_path: Path, run: Run, dataset: Dataset) -> None:
    sound = tmp_path / "song.wav"
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(bytes(4 * 44_100 * 2))
    own = dict.fromkeys(VIEWS, Shared({4: 0.5, 8: 0.25, 16: None}, {4: 0, 8: 0, 16: 0}, 9, "a.mid", 3))
    beside = dict.fromkeys(VIEWS, Shared({4: 0.5, 8: 0.375, 16: 0.0}, {4: 0, 8: 0, 16: 0}, 12.5))
    copying = Copying(own, beside, "checked", "held-out: 2 test songs")
    song = dataset.songs[0]
    written = Written(tmp_path / "song.mid", sound, tmp_path / "song.png", song, 256, 32, 61.5, copying)
    told = Told()
    track_song(told, run, dataset, written)
    ((group, identity, files, songs),) = told.songs
    assert (group[-5:], identity) == ("/song", f"{run.facts['id']}-song")
    found: SongFiles = files()
    expected = {"copied_chords_8": 0.25, "held_out_copied_melody_8": 0.375, "copied_rhythm_16": None}
    assert found.facts.items() >= expected.items()
    assert (found.facts["longest_copied_chords"], found.facts["held_out_longest_copied_chords"]) == (9, 12.5)
    assert found.about == copying.describe()
    assert 1000 < len(found.sound) < sound.stat().st_size / 5
    by_name = {Path(song["path"]).name: song for song in songs}
    broken = by_name.pop("broken.mid")
    assert not broken["accepted"]
    assert broken["reason"]
    for row in by_name.values():
        assert row["accepted"]
        assert row["events"] > 100
        assert "," in row["parts"]
