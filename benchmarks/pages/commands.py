"""docs/commands.md: what each command's --help says, from the same source.

python -m benchmarks.pages.commands
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from benchmarks.measured import ROOT
from experiments.command_line.config_file import COMMANDS

__all__ = ["PAGE", "text"]

PAGE = ROOT / "docs" / "commands.md"
HEAD = """# Commands

What `python -m experiments.NAME --help` says, written by `python -m benchmarks.pages.commands`. Every option may also
stand in a file that `--config` names, TOML or YAML, with a table for each command if it is for several:

```toml
runs = "/data/runs"
[tune]
trials = 64
set = ["hidden=128"]
[generate]
temperature = ["0.9", "notes=1.1"]
```

The command line wins. `tune` leaves such a file in each head's folder, `tune.toml`, which repeats its search.
Exit status: 0 done; 1 a run that failed, with the reason in one line; 2 wrong arguments; 130 stopped by Ctrl-C before
there was anything to keep (with something to keep, a search that is stopped is done).

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

Either costs a shell's start half a second: `tritone --completion bash >~/.tritone.bash` once, and
`. ~/.tritone.bash` in `~/.bashrc`, costs none. To have `python -m experiments.tune --tr<Tab>` completed too, add
`complete -o default -F _tritone python` below; it takes the place of other completion of `python`. There is nothing
for fish.
"""


def help_of(command: str) -> str:
    """What --help prints on a terminal of 80 columns."""
    plain = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    words = [sys.executable, "-m", f"experiments.{command}", "--help"]
    done = subprocess.run(words, cwd=ROOT, env=plain, capture_output=True, text=True, check=True)
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


def text() -> str:
    """The page."""
    with ThreadPoolExecutor(2) as pool:
        pages = list(pool.map(help_of, COMMANDS))
    sections = [f"## {name}\n\n```\n{page}\n```\n" for name, page in zip(COMMANDS, pages, strict=True)]
    return "\n".join([HEAD, *sections])


if __name__ == "__main__":
    PAGE.write_text(text())
