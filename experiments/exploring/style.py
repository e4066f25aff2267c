"""How the pictures of `explore` look, whatever a user's matplotlibrc says."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib

__all__ = ["COLOURS", "FAINT", "INK", "PAPER", "shortened", "styled", "thousands"]

INK, FAINT, PAPER = "#22303c", "#8b98a5", "#ffffff"
COLOURS = {"notes": "#2f6690", "durations": "#d1495b", "offsets": "#3a8f6b"}

STYLE: Any = {  # matplotlib's stubs want each key as a literal
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture on every machine
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in a song's name is a dollar sign
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#e6eaee",
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
}


@contextmanager
def styled() -> Iterator[None]:
    """The pictures' style inside, whatever a user's matplotlibrc says."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        # a song's name in a script that the font lacks is drawn as boxes
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def shortened(text: str, longest: int = 24) -> str:
    """A name that leaves its picture room."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def thousands(value: float, _place: float) -> str:
    """1500 as 1,500; 0.01 as it is."""
    return f"{value:,.0f}" if value == round(value) else f"{value:g}"
