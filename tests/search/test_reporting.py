"""Reports go out in order and whole, and hold training up only where it is to wait."""

from __future__ import annotations

import threading
import time

import pytest

from experiments.search.trial.reporting import Reporter

LONG = 30.0  # seconds that nothing here takes


class Driver:
    """Keeps the messages; handles none before it is let."""

    def __init__(self, *, handles: bool = True) -> None:
        self.messages: list[list[int]] = []
        self.free, self.called = threading.Event(), threading.Event()
        if handles:
            self.free.set()

    def send(self, reports: list[dict[str, int]]) -> None:
        self.messages.append([report["epoch"] for report in reports])
        self.called.set()
        assert self.free.wait(LONG)

    @property
    def told(self) -> list[int]:
        return [epoch for message in self.messages for epoch in message]


def epochs(*numbers: int) -> list[dict[str, int]]:
    return [{"epoch": number} for number in numbers]


def test_the_first_report_goes_at_once_and_the_next_ones_together() -> None:
    driver = Driver()
    with Reporter(driver.send, every=LONG) as reporter:
        reporter.add({"epoch": 1}, wait=False)
        assert driver.called.wait(LONG)
        for report in epochs(2, 3, 4):
            reporter.add(report, wait=False)
        assert driver.messages == [[1]]
        reporter.add({"epoch": 5}, wait=True)
        assert driver.messages == [[1], [2, 3, 4, 5]]
        assert reporter.waiting == []
        reporter.add({"epoch": 6}, wait=False)
    assert driver.messages[2:] == [[6]], "what is left goes at the end"


def test_time_alone_sends_what_waits() -> None:
    driver = Driver()
    with Reporter(driver.send, every=0.01) as reporter:
        for report in epochs(*range(1, 6)):
            reporter.add(report, wait=False)
            time.sleep(0.05)
        until = time.monotonic() + LONG
        while reporter.waiting and time.monotonic() < until:
            time.sleep(0.01)
        assert driver.told == [1, 2, 3, 4, 5]
        assert len(driver.messages) > 1


def test_training_goes_on_while_the_driver_is_busy_but_not_where_it_waits() -> None:
    driver = Driver(handles=False)
    with Reporter(driver.send, every=0) as reporter:
        for report in epochs(1, 2, 3):
            reporter.add(report, wait=False)  # returns though nothing is handled
        assert driver.called.wait(LONG)
        assert reporter.waiting == epochs(1, 2, 3)
        waiting = threading.Thread(target=reporter.add, args=({"epoch": 4},), kwargs={"wait": True})
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
        driver.free.set()
        waiting.join(LONG)
        assert not waiting.is_alive()
    assert driver.told == [1, 2, 3, 4]


@pytest.mark.parametrize("error", [SystemExit(0), RuntimeError("no driver")])
@pytest.mark.parametrize("wait", [False, True])
def test_what_sending_raises_comes_out_of_add(error: BaseException, wait: bool) -> None:
    def send(reports: list[dict[str, int]]) -> None:
        raise error

    def train() -> None:
        with Reporter(send) as reporter:
            for epoch in range(1_000_000):
                reporter.add({"epoch": epoch}, wait=wait)

    with pytest.raises(type(error)) as raised:
        train()
    assert raised.value is error


def test_what_sending_raises_at_the_end_is_raised_too() -> None:
    def send(reports: list[dict[str, int]]) -> None:
        if len(reports) > 1:
            raise RuntimeError("no driver")

    with pytest.raises(RuntimeError, match="no driver"), Reporter(send, every=LONG) as reporter:  # noqa: PT012
        reporter.add({"epoch": 1}, wait=True)
        reporter.add({"epoch": 2}, wait=False)
        reporter.add({"epoch": 3}, wait=False)


def test_a_training_that_fails_has_reported_what_went_before() -> None:
    driver = Driver()

    def train() -> None:
        with Reporter(driver.send, every=LONG) as reporter:
            for report in epochs(1, 2, 3):
                reporter.add(report, wait=False)
            raise FloatingPointError("valid is nan")

    with pytest.raises(FloatingPointError):
        train()
    assert driver.told == [1, 2, 3]
