"""From the command line to a command's options, and from errors to one line and an exit status."""

from __future__ import annotations

import io
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, TextIO, TypeVar

import tyro
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from datamodules.errors import UserError
from experiments.command_line.config_file import defaults_of, named_file
from experiments.command_line.help_page import help_page
from experiments.command_line.mistakes import mistake

__all__ = ["console", "main", "note", "parse", "reported", "say"]

Options = TypeVar("Options")
# what a terminal obeys, but for the ends of lines, and what turns the direction of what follows
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
LONGEST = 2000  # characters of a note or an error
# what is copied from the terminal and run stays in one piece
COMMAND = re.compile(
    r"(?:python -m experiments\.|pip install |wandb sync |optuna-dashboard |tensorboard --)[^;,()`]*[^;,()`\s]"
)
INDENT = "  "  # of a line that goes on
GLUE = "\u00a0"  # in place of a blank at which no line may end


class _Console(Console):
    """Prints texts as they stand, whoever wrote them: no markup, and nothing in them that a terminal would obey.

    `soft_wrap` leaves long lines in one piece.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(soft_wrap=True, highlight=False, markup=False, emoji=False, **settings)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What rich is about to print, without what the songs and runs of strangers may have put into it."""
        for segment in super().render(renderable, options):
            obeyed = not segment.control and OBEYED.search(segment.text)
            yield Segment(OBEYED.sub("", segment.text), segment.style) if obeyed else segment


console = _Console()  # what a command says


def say(text: str = "", *, end: str = "\n") -> None:
    """Print a line: whole, or in a terminal in as many lines as it needs there, which end between words."""
    console.print(_fitted(text, console), end=end)


def note(message: str) -> None:
    """Tell the user of something that is not as they asked, or that they should know; on standard error."""
    _tell("note:", "yellow", message)


def _tell(kind: str, style: str, message: str) -> None:
    """One line on standard error, whatever the message was made of."""
    line = " ".join(message.splitlines())
    line = line if len(line) <= LONGEST else f"{line[:LONGEST]} ..."
    errors = _Console(stderr=True)
    errors.print(Text.assemble((kind, style), _fitted(f"{kind} {line}", errors)[len(kind) :]))


def _fitted(text: str, console: Console) -> str:
    """The text in lines that a terminal shows whole. What is longer, a path or a command, has a line of its own."""
    return "\n".join(_line_fitted(line, console.width) for line in text.split("\n")) if console.is_terminal else text


def _line_fitted(line: str, width: int) -> str:
    if cell_len(line) <= width:
        return line
    first, *words = COMMAND.sub(lambda found: found[0].replace(" ", GLUE), line).split(" ")
    lines = [first]
    for word in words:
        longer = f"{lines[-1]} {word}"
        if cell_len(longer) <= width or not lines[-1].strip():
            lines[-1] = longer
        else:
            lines.append(INDENT + word)
    return "\n".join(lines).replace(GLUE, " ")


def parse(
    options: type[Options],
    arguments: Sequence[str],
    *,
    prog: str,
    default: Options | None = None,
    package: str = "experiments",
) -> Options:
    """The options that the arguments give; what they leave out is as in `default`, else as in the file of --config.

    Args:
        prog, package: as in `python -m PACKAGE.PROG`.

    Raises:
        UserError: they are none that the command takes.
    """
    if arguments and arguments[0].startswith("--tyro-"):  # tyro's own completion, which ours takes the place of
        raise UserError(f"{prog} has no option {arguments[0]}; `python -m experiments --completion bash` completes all")
    if default is None and (path := named_file(arguments)) is not None:
        default = defaults_of(options, path, prog)
    kind = tyro.conf.configure(tyro.conf.OmitSubcommandPrefixes)(options)
    more: dict[str, Any] = {} if default is None else {"default": default}
    with redirect_stdout(_Kept(sys.stdout)) as page, redirect_stderr(io.StringIO()) as refused:
        try:
            parsed: Options = tyro.cli(kind, prog=f"python -m {package}.{prog}", args=list(arguments), **more)
            return parsed
        except SystemExit as stop:
            status = stop.code
    if not status:
        page.shown.write(help_page(page.getvalue(), options))
    else:
        given = [] if default is None else [name for name, value in vars(default).items() if value is not tyro.MISSING]
        if why := mistake(options, arguments, prog, given):
            raise UserError(why)
        sys.stderr.write(refused.getvalue())
    raise SystemExit(status)


class _Kept(io.StringIO):
    """What would be shown, in the signs and colours that it would be shown in."""

    def __init__(self, shown: TextIO) -> None:
        super().__init__()
        self.shown = shown

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.shown.encoding

    def isatty(self) -> bool:
        return self.shown.isatty()


def main(
    options: type[Options],
    run: Callable[[Options, Sequence[str]], None],
    *,
    prog: str,
    arguments: Sequence[str] | None = None,
    package: str = "experiments",
) -> int:
    """Parse the arguments, run the command, and return its exit status.

    Args:
        run: the command; it also gets the arguments as they were given.
        prog, package: as in `python -m PACKAGE.PROG`.

    Returns:
        0 done; 1 the run failed; 2 bad arguments; 130 stopped by Ctrl-C before there was anything to keep.
    """
    _quiet_third_parties()
    # torch's threads else spin while they wait for each other: ten times as long where another process has the cores
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path need not be text
    given = sys.argv[1:] if arguments is None else arguments

    def command() -> None:
        parsed = parse(options, given, prog=prog, package=package)
        console.quiet = bool(getattr(parsed, "quiet", False))
        run(parsed, given)

    return reported(command)


def reported(command: Callable[[], object]) -> int:
    """Run a command; whatever goes wrong with it is one line on standard error. The exit status, as of `main`."""
    from experiments.plugins import check_packages

    try:
        check_packages()
        command()
    except UserError as error:
        _tell("error:", "red", str(error))
        return error.status
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped")
        return 130
    except BrokenPipeError:  # `... | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # what no command foresaw: a disk or a permission, never a bug worth a traceback
        where = f"{error.filename}: " if error.filename else ""
        _tell("error:", "red", where + str(error.strerror or error))
        return 1
    finally:
        console.quiet = False
    return 0


def _quiet_third_parties() -> None:
    """Hints that libraries print at start-up and that are not the user's to act on."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("WANDB_SILENT", "true")
    warnings.filterwarnings("ignore", module=r"ray|pytorch_lightning|wandb|optuna")
