"""docs/commands/: a page a command, of what its --help says and of worked examples; and their index.

python -m benchmarks.pages.commands
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from benchmarks.measured import ROOT
from benchmarks.pages.command_examples import EXAMPLES, READ_ON
from experiments.command_line.common_options import COMMANDS

__all__ = ["FOLDER", "help_of", "pages"]

FOLDER = ROOT / "docs" / "commands"
INDEX = """# Commands

{list}

These pages are written by `python -m benchmarks.pages.commands`, of what `python -m experiments.NAME --help` says too.
Exit status, of all of them: 0 done; 1 a run that failed, or a search that was stopped with something to keep, with the
reason in one line; 2 wrong arguments; 130 stopped by Ctrl-C before there was anything to keep.

## Options in a file

Every option may also stand in a file that `--config` names, TOML or YAML, with a table for each command if it is for
several. The command line wins. `tune` leaves such a file in each head's folder, `tune.toml`, which repeats its search.

```toml
runs = "/data/runs"
[tune]
trials = 64
set = ["hidden=128"]
[generate]
temperature = ["0.9", "notes=1.1"]
```

## In a shell

`pip install` leaves a program, `tritone`: `tritone tune notes` is `python -m experiments.tune notes`, and `tritone`
alone lists the commands. A shell completes the commands, heads, options, their values and the names of runs (those in
`$TRITONE_RUNS`, else in `runs`); and files where none of these fits. In bash, this line in `~/.bashrc`:

```bash
eval "$(tritone --completion bash)"
```

in zsh, this one in `~/.zshrc`:

```zsh
eval "$(tritone --completion zsh)"
```

Either costs each start of a shell a moment: `tritone --completion bash >~/.tritone.bash` once, and
`. ~/.tritone.bash` in `~/.bashrc`, costs none. To have `python -m experiments.tune --tr<Tab>` completed too, add
`complete -o default -F _tritone python` below; it takes the place of other completion of `python`. There is nothing
for fish.
"""


@cache
def help_of(command: str) -> str:
    """What --help prints on a terminal of 80 columns."""
    plain = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    words = [sys.executable, "-m", f"experiments.{command}", "--help"]
    done = subprocess.run(words, cwd=ROOT, env=plain, capture_output=True, text=True, check=True)
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


def pages() -> dict[str, str]:
    """Each page by its file's name in FOLDER."""
    with ThreadPoolExecutor(2) as pool:
        told = dict(zip(COMMANDS, pool.map(help_of, COMMANDS), strict=True))
    lines = [_wrapped(f"- [{name}]({name}.md): {_said(told[name])[0]}", "  ") for name in COMMANDS]
    return {"README.md": INDEX.format(list="\n".join(lines))} | {f"{name}.md": _page(name, told[name]) for name in told}


def _page(name: str, told: str) -> str:
    """A command's page: what it is for, what one does with it, and all that it takes."""
    options = told[told.index("╭") :]
    examples = [f"{_wrapped(wanted)}\n\n```sh\n{line}\n```" for wanted, line in _examples(name)]
    read_on = ", ".join(f"[{page}](../{page})" for page in READ_ON[name])
    parts = (f"# {name}", *_said(told), *examples, _wrapped(f"More: {read_on}; [all commands](README.md)."))
    return "\n\n".join((*parts, f"## Options\n\n```\n{told.splitlines()[0]}\n\n{options}\n```")) + "\n"


def _examples(name: str) -> list[tuple[str, str]]:
    return [(wanted, f"python -m experiments.{name} {words}".rstrip()) for wanted, words in EXAMPLES[name]]


def _said(told: str) -> list[str]:
    """The paragraphs of --help on what a command is for."""
    paragraphs = told[: told.index("╭")].strip().split("\n\n")[1:]
    return [_wrapped(text) for text in paragraphs if not text.startswith(("Exit status:", "Example:"))]


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(" ".join(text.split()), 118, subsequent_indent=indent, break_on_hyphens=False)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
