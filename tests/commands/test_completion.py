"""A shell completes the command lines: the script, in a real bash."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from experiments.command_line.common_options import COMMANDS
from experiments.command_line.completion import completion, options_class
from experiments.command_line.option_fields import options_of

TRY = """
complete -o default -F _tritone python
complete -p tritone python >/dev/null
while IFS= read -r line; do
    read -r -a COMP_WORDS <<<"$line"
    [[ $line == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
    _tritone
    echo "${COMPREPLY[*]}"
done
"""


def completed(lines: list[str], folder: Path) -> list[list[str]]:
    """The words that bash offers at the end of each line."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    words = [bash, "--norc", "--noprofile", "-u", "-c", completion("bash") + TRY]
    done = subprocess.run(
        words, input="\n".join(lines) + "\n", cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return [line.split() for line in done.stdout.splitlines()]


def test_what_may_follow(tmp_path: Path) -> None:
    for name in ("first", "fifth", "mine"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").touch()
    (tmp_path / "runs" / "no_run").mkdir()
    cases = {
        "tritone ": list(COMMANDS),
        "tritone g": ["generate"],
        "tritone tune ": ["notes", "durations", "offsets", "velocity", "all"],
        "tritone tune n": ["notes"],
        "tritone tune notes --spl": ["--split"],
        "tritone tune notes --split t": ["tail"],
        "tritone generate --drums ": ["none", "like"],
        "tritone evaluate fi": ["fifth", "first"],
        "tritone generate first --notes m": ["mine"],
        "tritone explore --out my_": [],  # files, by bash itself
        "python -m experiments.train o": ["offsets"],
        "/usr/bin/python3 -m experiments.evaluate mine --ag": ["--against"],
        "python my_": [],
        "python -m json.tool my_": [],
    }
    for line, words, expected in zip(cases, completed(list(cases), tmp_path), cases.values(), strict=True):
        assert words == expected, line


def test_every_option_and_every_choice_is_offered(tmp_path: Path) -> None:
    options = {name: options_of(options_class(name)) for name in COMMANDS}
    named = [(name, option) for name, there in options.items() for option in there if not option.positional]
    lines = [f"tritone {name} {option.flag}" for name, option in named]
    for (name, option), words in zip(named, completed(lines, tmp_path), strict=True):
        assert option.flag in words, name
    chosen = [(name, option) for name, option in named if option.choices]
    lines = [f"tritone {name} {option.flag} " for name, option in chosen]
    for (_, option), words in zip(chosen, completed(lines, tmp_path), strict=True):
        assert words == list(option.choices)


def test_a_strangers_run_executes_nothing(tmp_path: Path) -> None:
    for name in ("$(touch executed)", "`touch executed`", "a b", "good", "x;touch executed"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").touch()
    assert completed(["tritone evaluate "], tmp_path) == [["good"]]
    assert not (tmp_path / "executed").exists()


def test_zsh_gets_the_same_words() -> None:
    assert completion("zsh").endswith(completion("bash"))
    assert "bashcompinit" in completion("zsh").splitlines()[0]
