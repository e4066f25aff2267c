"""A session without its trainings: who comes to a head second is told so, and nothing mixes or is lost."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from midi_files import scale
from winners_made import make_winner

from datamodules.errors import UserError
from experiments.command_line.cli import parse
from experiments.data_options import DataOptions
from experiments.dataset import Dataset, read_dataset
from experiments.files import locked
from experiments.heads import HEADS
from experiments.run_folder import Run, create_run, resume_command
from experiments.search import session
from experiments.search.claim import claim
from experiments.search.going_on import going_on
from experiments.search.machines.cluster import Cluster
from experiments.search.one_head import HeadPlan, _columns, search_head
from experiments.search.opening import resume_plans
from experiments.search.plan import EndedError
from experiments.search.telling import farewell
from experiments.tables import TrialRow, TrialTable
from experiments.tune import TuneOptions, _merged
from experiments.winner_limits import LARGEST_HEADER

CLUSTER = Cluster(label="no Ray", cpus=1.0, gpus=0.0, own=True)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    for seed in range(3):
        (tmp_path / "songs").mkdir(exist_ok=True)
        (tmp_path / "songs" / f"{seed}.mid").write_bytes(scale(seed, 40))
    return read_dataset(DataOptions((str(tmp_path / "songs"),)))


@pytest.fixture
def run(tmp_path: Path, dataset: Dataset) -> Run:
    return create_run(tmp_path / "runs" / "a", dataset)


class Searches:
    """In place of Ray: what was searched, and what another driver does meanwhile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.searched: list[tuple[str, int]] = []
        self.meanwhile: Any = lambda head: None
        monkeypatch.setattr(session, "connected", lambda address: contextlib.nullcontext(CLUSTER))
        monkeypatch.setattr(session, "search_head", self._search)
        for module in ("experiments.search.one_head._columns", "experiments.search.one_head._note_column"):
            monkeypatch.setattr(module, self._begin)  # the first that is done where nothing forbids it

    def _search(self, run: Run, dataset: Dataset, plan: HeadPlan, *arguments: Any) -> str:
        self.meanwhile(plan.spec.name)
        with contextlib.suppress(_BeganError):
            search_head(run, dataset, plan, *arguments)
        return ""

    def _begin(self, dataset: Dataset, plan: HeadPlan, initial: None) -> None:
        self.searched.append((plan.spec.name, plan.options.seed))
        raise _BeganError


class _BeganError(Exception):
    """A search would begin now."""


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> Searches:
    return Searches(monkeypatch)


def plans(*heads: str, **options: Any) -> list[HeadPlan]:
    return [HeadPlan(HEADS[head], TuneOptions(head=head, name="a", wandb="off", **options)) for head in heads]


def resumed(run: Run, *words: str) -> tuple[Run, list[HeadPlan]]:
    found, stored = resume_plans(str(run.path), None, None)
    arguments = ["--resume", str(run.path), *words]
    return found, [HeadPlan(HEADS[head], _merged(head, before, arguments)) for head, before in stored.items()]


def noted(run: Run, head: str, name: str = "seed") -> Any:
    return json.loads((run.path / "run.json").read_text())["heads"][head][name]


def begin(run: Run, head: str) -> None:
    (run.head(head) / "study.journal").touch()


@contextlib.contextmanager
def driven(run: Run, head: str) -> Iterator[None]:
    """Another driver searches the head."""
    with locked(run.head(head) / "lock"):
        yield


def failed(run: Run, dataset: Dataset, of: list[HeadPlan]) -> UserError:
    with pytest.raises(UserError) as raised:
        session.run_session(run, dataset, of, began=0.0)
    return raised.value


def test_a_head_that_is_searched_right_now_keeps_its_options(run: Run, dataset: Dataset, searches: Searches) -> None:
    failed(run, dataset, plans("offsets", seed=7))  # it has no winner: its search only began
    assert searches.searched == [("offsets", 7)]
    before = (run.path / "run.json").read_bytes(), (run.head("offsets") / "tune.toml").read_bytes()
    with driven(run, "offsets"):
        error = failed(run, dataset, plans("offsets", seed=1, metric="mae"))
    assert "another search of this head is running" in str(error)
    assert error.status == 2
    assert before == ((run.path / "run.json").read_bytes(), (run.head("offsets") / "tune.toml").read_bytes())
    assert searches.searched == [("offsets", 7)]


@pytest.mark.parametrize("still", [True, False])
def test_who_comes_second_is_told_and_goes_on_with_the_other_heads(
    still: bool, run: Run, dataset: Dataset, searches: Searches, capsys: pytest.CaptureFixture[str]
) -> None:
    held = contextlib.ExitStack()

    def meanwhile(head: str) -> None:
        if head == "notes":  # `tune offsets --seed 7` begins beside this `tune all`
            run.note_head("offsets", run.facts["heads"]["offsets"] | {"seed": 7})
            begin(run, "offsets")
            if still:
                held.enter_context(driven(run, "offsets"))

    searches.meanwhile = meanwhile
    with held:
        error = failed(run, dataset, plans("notes", "offsets", "velocity"))
    assert searches.searched == [("notes", 1), ("velocity", 1)]
    assert noted(run, "offsets") == 7
    told = "another search of this head is running" if still else "another command has begun to search this head"
    assert (told in str(error), error.status) == (True, 1)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "offsets" in line]
    assert str(error) in line


def test_options_that_another_command_has_written_are_not_searched_by(
    run: Run, dataset: Dataset, searches: Searches
) -> None:
    """It has not begun yet: who has written last will."""
    searches.meanwhile = lambda head: run.note_head(head, run.facts["heads"][head] | {"seed": 7})
    error = failed(run, dataset, plans("offsets"))
    assert "--resume" in str(error)
    assert (searches.searched, error.status) == ([], 2)


def test_all_heads_of_ones_own_run_go_on(run: Run, dataset: Dataset, searches: Searches) -> None:
    def stopped(head: str) -> None:
        begin(run, head)
        raise KeyboardInterrupt

    first = plans("notes", "durations", "offsets", seed=3)
    searches.meanwhile = stopped
    with pytest.raises(KeyboardInterrupt):
        session.run_session(run, dataset, first, began=0.0)
    searches.meanwhile = lambda head: None
    for words in ((), ("--trials", "30")):
        searches.searched.clear()
        failed(*_with(dataset, *resumed(run, *words)))
        assert searches.searched == [("notes", 3), ("durations", 3), ("offsets", 3)]
    assert noted(run, "offsets", "trials") == 30


def test_a_run_that_has_changed_since_it_was_opened_is_not_gone_on_with(
    run: Run, dataset: Dataset, searches: Searches
) -> None:
    failed(run, dataset, plans("offsets", "velocity"))
    opened = resumed(run)
    failed(run, dataset, plans("offsets", seed=7))
    searches.searched.clear()
    assert "begun to search this head meanwhile" in str(failed(*_with(dataset, *opened)))
    assert searches.searched == [("velocity", 1)]
    assert noted(run, "offsets") == 7


def test_what_is_wrong_with_one_head_stops_no_other(
    run: Run, dataset: Dataset, searches: Searches, capsys: pytest.CaptureFixture[str]
) -> None:
    def meanwhile(head: str) -> None:
        if head == "notes":
            raise UserError("notes/study.journal is damaged")

    searches.meanwhile = meanwhile
    error = failed(run, dataset, plans("notes", "offsets", "velocity"))
    assert searches.searched == [("offsets", 1), ("velocity", 1)]
    assert (str(error), error.status) == ("notes/study.journal is damaged", 1)
    said = capsys.readouterr()
    assert str(error) in said.err
    assert f"all of it is in {run.path}" in said.out
    assert failed(run, dataset, plans("notes")).status == 2


def test_what_would_end_the_other_heads_searches_too_ends_the_session(
    run: Run, dataset: Dataset, searches: Searches
) -> None:
    def meanwhile(head: str) -> None:
        raise EndedError("no space left", status=1)

    searches.meanwhile = meanwhile
    assert "no space left" in str(failed(run, dataset, plans("notes", "offsets")))
    assert searches.searched == []


def test_a_song_that_cannot_be_written_is_a_note(
    run: Run, dataset: Dataset, searches: Searches, capsys: pytest.CaptureFixture[str]
) -> None:
    searches.meanwhile = lambda head: run.winner(head).write_bytes(b"PK")  # which no song can be written with
    session.run_session(run, dataset, plans("offsets"), began=0.0)
    said = capsys.readouterr()
    assert "no song: " in said.err
    assert f"all of it is in {run.path}" in said.out


def test_commands_to_copy_are_whole_where_a_folder_has_a_space_in_its_name(
    tmp_path: Path, dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    run = create_run(tmp_path / "my runs" / "a", dataset)
    make_winner(run.winner("offsets"), "offsets", dataset)
    for of in (plans("offsets"), plans("notes", "offsets")):
        farewell(run, of, "")
        (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("next: ")]
        assert shlex.split(line.partition(",")[0])[4] == str(run.path)


@pytest.mark.parametrize("heads", [("offsets",), ("notes", "offsets")])
def test_nothing_is_next_where_there_is_no_winner(
    run: Run, dataset: Dataset, capsys: pytest.CaptureFixture[str], heads: tuple[str, ...]
) -> None:
    farewell(run, plans(*heads), "time")
    assert "next: " not in capsys.readouterr().out
    make_winner(run.winner("offsets"), "offsets", dataset)
    farewell(run, plans(*heads), "")
    assert f"{'evaluate' if len(heads) == 1 else 'generate'} {run.path}" in capsys.readouterr().out


def test_a_stop_with_nothing_to_keep_is_told_from_one_with_something(run: Run, dataset: Dataset) -> None:
    def ended() -> tuple[str, int]:
        with pytest.raises(UserError) as raised:
            farewell(run, plans("notes", "offsets"), "interrupted")
        assert resume_command(run.path) in str(raised.value)
        return str(raised.value).partition(".")[0], raised.value.status

    nothing = ("stopped before there was anything to keep", 130)
    kept = ("stopped before the end; what was found is kept", 1)
    table = TrialTable(run.head("offsets") / "trials.csv")
    table.rows[0] = TrialRow(0)
    table.write()
    assert ended() == nothing  # its first epoch was not over
    table.rows[0].best = 1.5
    table.write()
    assert ended() == kept  # over folds, there is no winner yet
    table.path.unlink()
    assert ended() == nothing
    make_winner(run.winner("offsets"), "offsets", dataset)
    assert ended() == kept


def line_of(run: Run, plan: HeadPlan, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The words of `tune` in the line that goes on, as `farewell` prints it and as a search knows it."""
    farewell(run, [plan], "time")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "go on with: " in line]
    words = shlex.split(line.partition("go on with: ")[2])
    assert shlex.join(words[:-2]) == going_on(run, plan)
    return words[3:-2]


@pytest.mark.parametrize("earlier", [{}, {"storage": "s3://other"}, {"space": "other.py:s"}])
@pytest.mark.parametrize(
    "options", [{}, {"storage": "s3://mine"}, {"space": "my own.py:s"}, {"address": "10.0.0.1:6379"}]
)
def test_the_line_that_is_printed_goes_on(
    run: Run, capsys: pytest.CaptureFixture[str], earlier: dict[str, str], options: dict[str, str]
) -> None:
    """Whatever another head of the run was searched with."""
    for of in (plans("offsets", **earlier), plans("notes", **options)):
        claim(run, of[0], {}, {})
    (plan,) = plans("notes", **options)
    words = line_of(run, plan, capsys)
    given = parse(TuneOptions, words, prog="tune")
    assert (given.space, given.storage, given.address) == tuple(map(options.get, ("space", "storage", "address")))
    again, stored = resume_plans(str(given.resume), None, given.head)
    assert again.path == run.path
    assert "notes" in stored
    for head, before in stored.items():
        merged = _merged(head, before, words, alone=len(stored) == 1)
        assert (merged.space, merged.storage) == (given.space, given.storage)


def _with(dataset: Dataset, run: Run, of: list[HeadPlan]) -> tuple[Run, Dataset, list[HeadPlan]]:
    return run, dataset, of


def test_a_head_that_another_search_only_meant_to_begin_from_a_winner_may_begin_from_none(
    run: Run, dataset: Dataset, searches: Searches
) -> None:
    """`tune all --init` noted it, and was killed before it came to it."""
    run.note_head("offsets", run.facts["heads"].get("offsets", {}) | {"init_sha256": "0" * 64})
    failed(run, dataset, plans("offsets", seed=3))  # it has no winner: its search only began
    assert searches.searched == [("offsets", 3)]


@pytest.mark.parametrize("head", ["notes", "durations"])
def test_what_no_winner_could_hold_is_not_searched(
    head: str, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any trial, and not when all are done."""
    (plan,) = plans(head)
    assert len(_columns(dataset, plan, None).own.vocabulary) > 0
    monkeypatch.setattr("experiments.winner_limits.OTHERS", LARGEST_HEADER)
    with pytest.raises(UserError, match=r"would take .* bytes in a winner's file"):
        _columns(dataset, plan, None)
