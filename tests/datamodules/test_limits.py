"""The time and the memory that a file may take: kept to by workers, given as options, told where they are exceeded."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from corpus_made import reasons
from midi_files import scale
from reading_workers import endless_in, spinning_in, without_memory_for
from winners_made import make_run

from datamodules.corpus import reading
from datamodules.corpus import workers as song_workers
from datamodules.corpus.reading import read_corpora, read_corpus, read_song
from datamodules.errors import UserError
from datamodules.midi.raw_bytes import Limits, RejectedFile
from datamodules.midi.reading import read_midi
from datamodules.song import Song
from experiments import dataset as dataset_module
from experiments.command_line.cli import parse
from experiments.data_options import DataOptions
from experiments.dataset import read_dataset
from experiments.explore import main as explore
from experiments.music.prime import find_prime
from experiments.music.training_songs import training_songs
from experiments.tune import TuneOptions
from songs import bundled


def test_time_that_is_up_at_the_very_end_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "song.mid").write_bytes(scale())
    real, before = signal.setitimer, signal.getsignal(signal.SIGPROF)

    def late(which: int, seconds: float) -> None:
        real(which, seconds)
        if not seconds:
            signal.raise_signal(signal.SIGPROF)  # it was on its way

    monkeypatch.setattr(signal, "setitimer", late)
    monkeypatch.setattr(song_workers, "_allow", lambda _: None)  # of a worker, and not of this process
    try:
        outcome = song_workers._read(tmp_path / "song.mid", 24, Limits())
    finally:
        signal.signal(signal.SIGPROF, before)
    assert isinstance(outcome, RejectedFile)
    assert "takes longer than 5 seconds" in str(outcome)


def test_a_worker_that_cannot_tell_what_it_read_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, name in enumerate("abcd"):
        (tmp_path / f"{name}.mid").write_bytes(scale(seed))
    monkeypatch.setattr(song_workers, "_read_chunk", partial(without_memory_for, "b.mid"))
    found = reasons(read_corpus([tmp_path], limits=Limits()).rows)
    assert found == {"a.mid": "", "b.mid": "ends the process that reads it (out of memory?)", "c.mid": "", "d.mid": ""}


def test_a_library_that_never_returns_ends_its_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, name in enumerate(("a", "b", "c")):
        (tmp_path / f"{name}.mid").write_bytes(scale(seed))
    monkeypatch.setattr(song_workers, "_read_chunk", partial(spinning_in, "b.mid"))
    found = reasons(read_corpus([tmp_path], limits=Limits(seconds=1)).rows)
    assert found == {"a.mid": "", "b.mid": "ends the process that reads it (out of memory?)", "c.mid": ""}


def test_the_prime_is_read_by_a_worker_or_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(scale())
    monkeypatch.setattr(song_workers, "_read_chunk", partial(without_memory_for, "song.mid"))
    with pytest.raises(RejectedFile, match="ends the process"):
        read_song(path, limits=Limits())
    monkeypatch.undo()
    song = read_song(path, cache=tmp_path / "cache")
    assert song.name == str(path)
    monkeypatch.setattr(song_workers, "_context", lambda: pytest.fail("a worker was started"))
    assert read_song(path, cache=tmp_path / "cache").digest == song.digest


def test_what_was_read_once_is_given_whatever_its_reading_may_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, cache = tmp_path / "long.mid", tmp_path / "cache"
    path.write_bytes(scale(2, notes=20_000))
    little = Limits(seconds=0.01)
    with pytest.raises(RejectedFile, match=r"longer than 0\.01 seconds"):
        read_song(path, cache=cache, limits=little)
    song = read_song(path, cache=cache, limits=Limits(seconds=60))
    monkeypatch.setattr(song_workers, "_context", lambda: pytest.fail("a worker was started"))
    for limits in (little, Limits(), Limits(memory=10**8)):
        assert read_song(path, cache=cache, limits=limits).digest == song.digest


def test_the_songs_of_a_run_are_read_again_under_its_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, winners = make_run(tmp_path / "run", ["notes", "offsets"])
    facts = json.loads((run.path / "run.json").read_text())
    facts["data"] |= {"file_seconds": 60.0, "file_megabytes": 700}
    (run.path / "run.json").write_text(json.dumps(facts))
    given: list[Limits] = []

    def read(paths: Sequence[Path], grid: int, limits: Limits) -> Iterator[tuple[int, Song]]:
        given.append(limits)
        return ((row, read_midi(path, grid=grid)) for row, path in enumerate(paths))

    monkeypatch.setattr(reading, "read_files", read)
    reads: list[Callable[[], object]] = [
        lambda: training_songs(winners.values()),
        lambda: find_prime(winners, None),
        lambda: find_prime(winners, bundled()[0]),
    ]
    for number, again in enumerate(reads):
        monkeypatch.setenv("TRITONE_CACHE", str(tmp_path / f"cache{number}"))  # it is gone, or of another machine
        again()
    assert set(given) == {Limits(seconds=60, memory=700_000_000)}
    assert len(given) >= len(reads)
    for damaged in ("[]", json.dumps(facts | {"data": {"grid": 24}})):
        (run.path / "run.json").write_text(damaged)
        monkeypatch.setenv("TRITONE_CACHE", str(tmp_path / f"cache{len(damaged)}"))
        find_prime(winners, None)
        assert given[-1] == Limits()


def test_a_song_that_nobody_named_is_told_without_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tune`, which ends with a song, has no --prime."""
    _, winners = make_run(tmp_path / "run", ["notes"])
    monkeypatch.setenv("TRITONE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(reading, "read_files", lambda *_: [(0, RejectedFile("takes longer", lasting=False))])
    with pytest.raises(UserError, match=r"^the prime /.*\.mid: takes longer"):
        find_prime(winners, None)
    with pytest.raises(UserError, match=r"^--prime /.*\.mid: takes longer"):
        find_prime(winners, bundled()[0])


def test_limits_are_options_that_reach_the_reader_and_that_a_run_remembers(monkeypatch: pytest.MonkeyPatch) -> None:
    tuned = parse(TuneOptions, ["notes", "--file-seconds", "0.5", "--file-megabytes", "300"], prog="tune")
    options = DataOptions.given(tuned)
    assert options.limits == Limits(seconds=0.5, memory=300_000_000)
    assert DataOptions.from_json(options.to_json()) == options
    assert DataOptions.given(parse(TuneOptions, ["notes"], prog="tune")).limits == Limits()
    before = {name: value for name, value in DataOptions(()).to_json().items() if not name.startswith("file_")}
    assert DataOptions.from_json(before) == DataOptions(())  # of a run that was made before there were any
    given: dict[str, Any] = {}

    def read(groups: Any, **arguments: Any) -> Any:
        given.update(arguments)
        return read_corpora(groups, **arguments)

    monkeypatch.setattr(dataset_module, "read_corpora", read)
    read_dataset(options)
    assert given["limits"] == options.limits


@pytest.mark.parametrize("limits", [("seconds", "0"), ("seconds", "nan"), ("seconds", "1e9"), ("megabytes", "1")])
def test_limits_without_meaning_are_refused(
    limits: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert explore([f"--file-{limits[0]}", limits[1]]) == 2
    assert f"--file-{limits[0]}" in capsys.readouterr().err


def test_a_file_beyond_a_limit_of_the_command_line_is_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("short.mid").write_bytes(scale(1, notes=20))
    Path("long.mid").write_bytes(scale(2, notes=20))
    monkeypatch.setattr(song_workers, "_read_chunk", partial(endless_in, "long.mid"))
    assert explore([".", "--file-seconds", "1", "--no-baselines"]) == 0
    assert "long.mid: takes longer than 1 seconds to read" in capsys.readouterr().out
