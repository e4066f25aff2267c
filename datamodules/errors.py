"""The one exception that a user can cause, the word that they may have meant, and what others' errors say in a line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["UserError", "did_you_mean", "first_line"]


class UserError(Exception):
    """Bad input or a failed run. The message is one clear line: what is wrong, with which file or option, what to do.

    Attributes:
        status: the exit status, 2 for bad arguments, 1 for a run that failed.
    """

    def __init__(self, message: str, *, status: int = 2) -> None:
        super().__init__(message)
        self.status = status


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "; did you mean notes?" after a word like "note"; "" where nothing known is near it. Case does not count."""
    by_case = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), by_case, n=1)
    return f"; did you mean {by_case[near[0]]}?" if near else ""


def first_line(error: BaseException) -> str:
    """What went wrong, in a line: the first that the error has, else its type."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
