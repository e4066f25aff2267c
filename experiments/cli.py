"""From the command line to a command's options, and from errors to one line and an exit status."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import TypeVar

import tyro
from rich.console import Console
from rich.markup import escape

from datamodules.errors import UserError

__all__ = ["console", "main", "note", "parse", "say"]

Options = TypeVar("Options")
console = Console(soft_wrap=True, highlight=False)  # what a command says; soft_wrap leaves long paths in one piece


def say(text: str = "", *, end: str = "\n") -> None:
    """Print a line as it stands: a path may hold what would be markup."""
    console.print(text, markup=False, end=end)


def note(message: str) -> None:
    """Tell the user of something that is not as they asked, or that they should know; on standard error."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(f"[yellow]note:[/yellow] {escape(message)}")


def parse(options: type[Options], arguments: Sequence[str], *, prog: str, default: Options | None = None) -> Options:
    """The options that the arguments give; what they leave out is as in `default`."""
    kind = tyro.conf.configure(tyro.conf.OmitSubcommandPrefixes)(options)
    if default is None:
        return tyro.cli(kind, prog=f"python -m experiments.{prog}", args=list(arguments))
    return tyro.cli(kind, prog=f"python -m experiments.{prog}", args=list(arguments), default=default)


def main(
    options: type[Options],
    run: Callable[[Options, Sequence[str]], None],
    *,
    prog: str,
    arguments: Sequence[str] | None = None,
) -> int:
    """Parse the arguments, run the command, and return its exit status.

    Args:
        run: the command; it also gets the arguments as they were given.

    Returns:
        0 done; 1 the run failed; 2 bad arguments; 130 stopped by Ctrl-C before there was anything to keep.
    """
    _quiet_third_parties()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path need not be text
    given = sys.argv[1:] if arguments is None else arguments
    try:
        run(parse(options, given, prog=prog), given)
    except UserError as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"[red]error:[/red] {escape(str(error))}")
        return error.status
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped")
        return 130
    except BrokenPipeError:  # `... | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # what no command foresaw: a disk or a permission, never a bug worth a traceback
        where = f"{error.filename}: " if error.filename else ""
        Console(stderr=True, soft_wrap=True, highlight=False).print(
            f"[red]error:[/red] {escape(where + str(error.strerror or error))}"
        )
        return 1
    return 0


def _quiet_third_parties() -> None:
    """Hints that libraries print at start-up and that are not the user's to act on."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("WANDB_SILENT", "true")
    warnings.filterwarnings("ignore", module=r"ray|pytorch_lightning|wandb|optuna")
