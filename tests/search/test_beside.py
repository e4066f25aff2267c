"""Work beside the main thread: done in time or not at all, and never in the way."""

from __future__ import annotations

import threading

import pytest

from experiments.search.beside import beside

LONG = 30.0  # seconds that nothing here takes


@pytest.mark.parametrize("gently", [False, True])
def test_it_is_done_in_another_thread(gently: bool) -> None:
    done, by = threading.Event(), list[int]()

    def work() -> None:
        by.append(threading.get_ident())
        done.set()

    with beside(work, gently=gently):
        assert done.wait(LONG)
    assert by != [threading.get_ident()]


def test_it_is_not_begun_after_the_block() -> None:
    begun = threading.Event()
    with beside(begun.set, after=0.2):
        pass
    assert not begun.wait(0.5)


def test_what_it_raises_is_nobodys(capfd: pytest.CaptureFixture[str]) -> None:
    done = threading.Event()

    def work() -> None:
        done.set()
        raise ImportError("no such module")

    with beside(work):
        assert done.wait(LONG)
    assert capfd.readouterr().err == ""
