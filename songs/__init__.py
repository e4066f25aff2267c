"""Two demo songs, written for tritone and given to the public domain (LICENSE beside this file).

They are data: nothing here knows how to read MIDI. `python -m songs.compose` writes them again from their scores.
"""

from pathlib import Path

__all__ = ["bundled"]


def bundled() -> tuple[Path, ...]:
    """The paths of the bundled MIDI files, in a fixed order, wherever the package is installed."""
    folder = Path(__file__).parent
    return folder / "tin_roof_morning.mid", folder / "the_last_ferry_north.mid"
