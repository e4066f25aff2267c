"""What a shell needs to complete the command lines: a script of words, made from the options of every command.

tyro has scripts of its own, which know neither the heads nor the runs, nor a program that is called `python -m ...`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from datamodules.errors import UserError, did_you_mean
from experiments.command_line.common_options import COMMANDS
from experiments.command_line.option_fields import Option, options_of

__all__ = ["SHELLS", "completion", "options_class"]

SHELLS = ("bash", "zsh")  # zsh by its own bashcompinit
ZSH = "autoload -Uz compinit bashcompinit && compinit && bashcompinit\n"
RUNS = "RUN"
SCRIPT = """\
# completes: tritone COMMAND ..., and python -m experiments.COMMAND ... where `complete` names python too
_tritone() {{
    local -a _line=("${{COMP_WORDS[@]}}")
    local _at=$COMP_CWORD _told= _run=
    if [[ ${{_line[1]-}} == -m && ${{_line[2]-}} == experiments.* ]]; then
        _line=(tritone "${{_line[2]#experiments.}}" "${{_line[@]:3}}")
        _at=$((_at - 1))
    elif [[ ${{_line[0]##*/}} == python* ]]; then
        return
    fi
    local _word=${{_line[_at]}} _command=${{_line[1]}} _before=${{_line[_at - 1]}}
    if ((_at == 1)); then
        _told="{commands}"
    elif [[ $_word == -* ]]; then
        case $_command in
{flags}
        esac
    else
        case "$_command $_before" in
{values}
        esac
    fi
    if [[ $_told == {runs} ]]; then  # never by compgen -W, which would run what stands in a name
        COMPREPLY=()
        for _run in "${{TRITONE_RUNS:-runs}}"/*/run.json; do
            _run=${{_run%/run.json}} _run=${{_run##*/}}
            [[ $_run == *[!A-Za-z0-9._-]* || $_run != "$_word"* ]] || COMPREPLY+=("$_run")
        done
    else
        COMPREPLY=($(compgen -W "$_told" -- "$_word"))
    fi
}}
complete -o default -F _tritone tritone
"""


def options_class(command: str) -> type:
    """The options of a command."""
    module = import_module(f"experiments.{command}")
    found: type = next(getattr(module, name) for name in module.__all__ if name.endswith("Options"))
    return found


def completion(shell: str) -> str:
    """The script of a shell. Where no word of it fits, the shell completes files.

    Raises:
        UserError: there is none for it.
    """
    if shell not in SHELLS:
        raise UserError(f"--completion {shell}: give one of {', '.join(SHELLS)}{did_you_mean(shell, SHELLS)}")
    options = {command: options_of(options_class(command)) for command in COMMANDS}
    flags = (_case(name, " ".join(["--help", *_flags(there)])) for name, there in options.items())
    values = (
        _case(f'"{name} {before}"', told) for name, there in options.items() for before, told in _values(name, there)
    )
    script = SCRIPT.format(commands=" ".join(COMMANDS), runs=RUNS, flags="\n".join(flags), values="\n".join(values))
    return ZSH + script if shell == "zsh" else script


def _case(pattern: str, told: str) -> str:
    return f'            {pattern}) _told="{told}" ;;'


def _flags(options: tuple[Option, ...]) -> Iterator[str]:
    yield from (option.flag for option in options if not option.positional)


def _values(command: str, options: tuple[Option, ...]) -> Iterator[tuple[str, str]]:
    """What may follow a word: an option that takes words, or the command itself."""
    for number, option in enumerate(options):
        told = " ".join(option.choices) or (RUNS if "RUN" in option.metavar else "")
        first = option.positional and not any(other.positional for other in options[:number])
        if told and (first or not option.positional):
            yield (command if option.positional else option.flag), told
