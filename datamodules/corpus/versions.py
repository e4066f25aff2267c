"""Which files are versions of one song, by where well-known collections keep them.

    A/B/C/TRABC.../*.mid        Lakh, matched: all files that were matched to one recording
    Artist/Title.1.mid          Lakh, clean: beside Title.mid
    001/versions/001-v1.mid     POP909: beside 001/001.mid
    melody/x.mid, chords/x.mid  Nottingham: beside x.mid, one part of it each

A split that parts them would be judged by songs that it learnt from. Files of equal bytes are one song in all of their
folders, and tie those together: Lakh has files that were matched to several recordings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Iterable, Iterator, Sequence

__all__ = ["families", "joined"]

_RECORDING = re.compile("TR[A-Z]{5}[0-9A-F]{11}")  # a track of the Million Song Dataset
_NUMBERED = re.compile(r"(.+)\.\d{1,2}")
_EXTRACTS = ("melody", "chords")


def families(files: Sequence[tuple[str, str]]) -> list[int]:
    """A number for each file; versions of one song share theirs.

    Args:
        files: path and SHA-256 of each; an empty one is equal to no other.
    """
    places = [(*os.path.split(os.path.splitext(path)[0].casefold()), path) for path, _ in files]
    there = {(folder, name) for folder, name, _ in places}
    return joined(
        [*_keys(folder, name, path, there), digest or number]
        for number, ((folder, name, path), (_, digest)) in enumerate(zip(places, files, strict=True))
    )


def joined(keys: Iterable[Iterable[Hashable]]) -> list[int]:
    """A number for each item; items that share a key, be it through others between them, share their number."""
    leader: list[int] = []
    holder: dict[Hashable, int] = {}

    def lead(item: int) -> int:
        while leader[item] != item:
            leader[item] = leader[leader[item]]
            item = leader[item]
        return item

    for item, own in enumerate(keys):
        leader.append(item)
        for key in own:
            one, other = lead(item), lead(holder.setdefault(key, item))
            leader[max(one, other)] = min(one, other)
    return [lead(item) for item in range(len(leader))]


def _keys(folder: str, name: str, path: str, there: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What a file shares with the other versions of its song; folder and name in small letters, without ending."""
    yield folder, name
    above, last = os.path.split(folder)
    if last in _EXTRACTS and (above, name) in there:
        yield above, name
    if "." in name and (match := _NUMBERED.fullmatch(name)) and (folder, match[1]) in there:
        yield folder, match[1]
    if last == "versions" and name.startswith(song := os.path.basename(above)):
        yield above, song
    if last.startswith("tr") and _RECORDING.fullmatch(recording := os.path.basename(os.path.dirname(path))):
        yield "", recording
