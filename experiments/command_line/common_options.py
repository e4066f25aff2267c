"""The commands by name, and the options that all of them share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

__all__ = ["COMMANDS", "ConfigFile", "RunsFolder"]

COMMANDS = ("tune", "train", "evaluate", "generate", "report", "explore", "runs")

ConfigFile = Annotated[
    Path | None,
    tyro.conf.arg(metavar="FILE", help_behavior_hint="", help="a TOML or YAML file of options; the command line wins"),
]
RunsFolder = Annotated[
    Path | None,
    tyro.conf.arg(metavar="DIR", help_behavior_hint="", help="where runs are kept (default: $TRITONE_RUNS or runs)"),
]
