"""How a run was made, as its page tells it: the songs, each head's options, and the software."""

from __future__ import annotations

from typing import Any

from experiments.run_folder import Run

__all__ = ["how_made"]

MADE_BY = (
    *("trials", "max_epochs", "patience", "seed", "metric", "set", "space", "searcher", "preset", "confirm", "folds"),
    *("init", "warm_start", "packages"),
)


def how_made(run: Run) -> list[tuple[str, str]]:
    """What a repeat needs, each with what it is called."""
    data = run.data_options
    own = _software(run.facts.get("made_by"))
    facts = [
        ("songs' digest", run.facts["songs"]),
        ("parts", ", ".join(data.parts) if data.parts else "all pitched parts"),
        ("grid", f"{data.grid} ticks a quarter note"),
        ("seed of the split", str(data.seed)),
        *own.items(),
    ]
    for name in run.searched():
        options = run.facts["heads"][name]
        shown = {key: value for key, value in options.items() if key in MADE_BY and value not in (None, [])}
        if not shown.get("confirm"):  # 0: there were no confirmations; a seed of 0 is one
            shown.pop("confirm", None)
        facts.append((f"options of {name}", ", ".join(f"{key} {value}" for key, value in shown.items())))
        theirs = _software(options.get("made_by"))  # heads may join a run later
        facts += [(f"{what} of {name}", told) for what, told in theirs.items() if told != own.get(what)]
    return facts


def _software(made: Any) -> dict[str, str]:
    """Commit and versions of what made a run, or a head of it; {} where that is not told."""
    if not isinstance(made, dict):
        return {}
    versions = ", ".join(f"{name} {value}" for name, value in made.items() if name != "commit")
    return {"git commit": str(made.get("commit") or "not known"), "versions": versions}
