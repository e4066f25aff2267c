"""`tritone COMMAND ...`, which is `python -m experiments.COMMAND ...`; alone, the list of the commands."""

from __future__ import annotations

import runpy
import sys
import textwrap
from collections.abc import Sequence

from datamodules.errors import UserError, did_you_mean
from experiments.command_line.common_options import COMMANDS

__all__ = ["run"]

COMPLETION = "--completion"
STATUS = "Exit status: 0 done, 1 failed, 2 wrong arguments, 130 stopped with nothing kept."


def run() -> int:
    """Run the command that the first word names, as `python -m` does; return the exit status."""
    word, *others = sys.argv[1:] or ["--help"]
    if word in COMMANDS:
        sys.argv = [f"experiments.{word}", *others]
        runpy.run_module(f"experiments.{word}", run_name="__main__", alter_sys=True)
    from experiments.command_line.cli import reported

    return reported(lambda: sys.stdout.write(_answer(word, others)))


def _answer(word: str, others: Sequence[str]) -> str:
    """What is said where no command is named."""
    from experiments.command_line.completion import SHELLS, completion, options_class

    if word == COMPLETION:
        return completion(*others[:1] or [""])
    if word not in ("-h", "--help"):
        known = (*COMMANDS, COMPLETION)
        raise UserError(f"{word} is no command: give one of {', '.join(known)}{did_you_mean(word, known)}")
    told = [(name, str(options_class(name).__doc__).splitlines()[0]) for name in COMMANDS]
    told.append((COMPLETION, f"{{{','.join(SHELLS)}}}: what completes all this in a shell (docs/commands)"))
    lines = [textwrap.fill(f"  {name:14}{text}", 80, subsequent_indent=" " * 16) for name, text in told]
    return "\n".join(["usage: tritone COMMAND ... (or: python -m experiments.COMMAND ...)", "", *lines, "", STATUS, ""])


if __name__ == "__main__":
    sys.exit(run())
