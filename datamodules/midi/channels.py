"""What a channel is set to: its programs and its sustain pedal, and for which tracks' notes.

To MIDI a channel of a port is one instrument, and a track no more than a list of events. So a program change or a pedal
may stand in another track than the notes that it is for: in one for all controllers, or in a pianist's right hand for
the left. But many a program writes all tracks on one channel, each with its own program, and means an instrument a
track. Hence:

    tracks without notes on a channel   set it for all that have
    a track with a program of its own   keeps to that, but for what those set later
    one without                         follows those with too, if they name the same programs
    a pedal                             is shared by all, or where they name different programs, each has its own

Source: Standard MIDI Files 1.0 (RP-001), with the port meta event.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Set
from dataclasses import dataclass
from operator import itemgetter

from datamodules.midi.raw_bytes import PEDAL, RESET_CONTROLLERS, RawFile, RawTrack

__all__ = ["DRUM_CHANNEL", "Channels", "Lane", "events_of"]

DRUM_CHANNEL = 9  # General MIDI's channel 10

Lane = tuple[int, int]  # port and channel
_Change = tuple[int, int]  # tick and program; tick and whether a pedal is down
_Spans = tuple[list[int], list[int]]  # where a pedal goes down, and where it comes up
_ByTrack = dict[int, list[_Change]]
_tick = itemgetter(0)


def events_of(track: RawTrack) -> Iterator[tuple[int, int, Lane, int, int]]:
    """A track's events as tick, kind (the status byte without its channel), lane, first and second data byte."""
    ports = [*track.ports, (len(track.events), 0)]
    port, turn = 0, 0
    for number, (tick, status, first, second) in enumerate(track.events):
        while ports[turn][0] <= number:
            port, turn = ports[turn][1], turn + 1
        yield tick, status & 0xF0, (port, status & 0xF), first, second


@dataclass(frozen=True)
class Channels:
    """Where things are set, by lane and by the track that it is for.

    Attributes:
        programs: those that other tracks set for it, by tick; its own are not among them.
        pedals: where the pedal is down for it.
    """

    programs: dict[tuple[Lane, int], list[_Change]]
    pedals: dict[tuple[Lane, int], _Spans]

    @classmethod
    def of(cls, raw: RawFile) -> Channels:
        """Look through all tracks once."""
        playing: dict[Lane, set[int]] = defaultdict(set)
        programs: dict[Lane, _ByTrack] = defaultdict(lambda: defaultdict(list))
        pedals: dict[Lane, _ByTrack] = defaultdict(lambda: defaultdict(list))
        for row, track in enumerate(raw.tracks):
            for tick, kind, lane, first, second in events_of(track):
                if kind == 0x90 and second:
                    playing[lane].add(row)
                elif kind == 0xC0:
                    programs[lane][row].append((tick, first))
                elif kind == 0xB0 and first in (PEDAL, RESET_CONTROLLERS) and lane[1] != DRUM_CHANNEL:
                    pedals[lane][row].append((tick, first == PEDAL and second >= 64))
        for changes in (programs, pedals):
            _pass_on(changes, playing, raw.tracks)
        end = max((track.end for track in raw.tracks), default=0)
        heard: dict[tuple[Lane, int], list[_Change]] = {}
        downs: dict[tuple[Lane, int], _Spans] = {}
        for lane, rows in playing.items():
            own = rows & programs[lane].keys()
            one = len({frozenset(program for _, program in programs[lane][row]) for row in own}) <= 1
            outside = _merged(programs[lane], programs[lane].keys() - rows)
            followed = _merged(programs[lane], programs[lane].keys()) if one else outside
            heard |= {(lane, row): outside if row in own else followed for row in rows}
            shared = _spans(_merged(pedals[lane], pedals[lane].keys() if one else pedals[lane].keys() - rows), end)
            alone = set() if one else rows & pedals[lane].keys()
            downs |= {(lane, row): _spans(pedals[lane][row], end) if row in alone else shared for row in rows}
        return cls(heard, downs)

    def program(self, lane: Lane, row: int, tick: int, own: _Change | None) -> int:
        """The program of a note that a track strikes at `tick`, if `own` is what it has set last itself."""
        others = self.programs[lane, row]
        at = bisect_right(others, tick, key=_tick) - 1
        if at >= 0 and (own is None or others[at][0] > own[0]):
            return others[at][1]
        return 0 if own is None else own[1]

    def released(self, lane: Lane, row: int, tick: int) -> int:
        """When a key let go at `tick` falls silent. A pedal pressed at that very tick comes too late for it."""
        downs, ups = self.pedals[lane, row]
        at = bisect_right(downs, tick - 1) - 1
        return max(tick, ups[at]) if at >= 0 else tick


def _pass_on(changes: dict[Lane, _ByTrack], playing: dict[Lane, set[int]], tracks: list[RawTrack]) -> None:
    """What a track says without naming a port goes to the one port whose notes can be meant."""
    ports: dict[int, list[Lane]] = defaultdict(list)
    for lane in playing:
        ports[lane[1]].append(lane)
    for lane in [lane for lane in changes if lane not in playing and len(ports[lane[1]]) == 1]:
        (other,) = ports[lane[1]]
        for row, said in changes[lane].items():
            if not tracks[row].ports:
                changes[other].setdefault(row, said)


def _merged(changes: _ByTrack, rows: Set[int]) -> list[_Change]:
    """The changes of some tracks by tick; at one tick, the last track has the last word."""
    return sorted((change for row in sorted(rows) for change in changes[row]), key=_tick)


def _spans(changes: list[_Change], end: int) -> _Spans:
    """Where a pedal is down; one that never comes up is down to the end."""
    downs: list[int] = []
    ups: list[int] = []
    for tick, down in changes:
        if down and len(downs) == len(ups):
            downs.append(tick)
        elif not down and len(downs) > len(ups):
            ups.append(tick)
    return downs, [*ups, end][: len(downs)]
