"""What a channel is set to: its programs and its sustain pedal, and for which tracks' notes.

To MIDI a channel of a port is one instrument, and a track no more than a list of events. So a program change or a pedal
may stand in another track than the notes that it is for: in one for all controllers, or in a pianist's right hand for
the left. But many a program writes all tracks on one channel, each with its own program, and means an instrument a
track. Hence:

    tracks without notes on a channel   set it for all that have
    a track with a program of its own   keeps to that, but for what those set later
    one without                         follows those with too, if they name the same programs
    a pedal                             is shared by all, or where they name different programs, each has its own

Drums are on channel 10, on banks of drum kits (General MIDI 2's, and XG's in files that turn XG on), and where a
message to a Roland GS or Yamaha XG synthesizer says so. A pedal holds none.

Source: Standard MIDI Files 1.0 (RP-001), with the port meta event; General MIDI 2 (RP-024), Roland's SC-88 and Yamaha's
MU80 manuals for banks and messages.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Set
from dataclasses import dataclass
from operator import itemgetter

from datamodules.midi.raw_bytes import BANK, PEDAL, RESET_CONTROLLERS, RawFile, RawTrack

__all__ = ["DRUM_CHANNEL", "Channels", "Lane", "events_of"]

DRUM_CHANNEL = 9  # General MIDI's channel 10

Lane = tuple[int, int]  # port and channel
_Change = tuple[int, ...]  # tick, program and bank; or tick, and whether a pedal is down; or tick, and whether drums
_Spans = tuple[list[int], list[int]]  # where a pedal goes down, and where it comes up
_ByTrack = dict[int, list[_Change]]
_GM2_DRUMS, _XG_DRUMS = 120, (126, 127)  # the upper bytes of banks
_XG_ON = bytes((0x4C, 0x00, 0x00, 0x7E, 0x00))
_tick = itemgetter(0)


def events_of(track: RawTrack) -> Iterator[tuple[int, int, Lane, int, int]]:
    """A track's events as tick, kind (the status byte without its channel), lane, first and second data byte.

    A program change's second one is the bank that the track has selected before.
    """
    ports = [*track.ports, (len(track.events), 0)]
    banks: dict[Lane, int] = {}
    port, turn = 0, 0
    for number, (tick, status, first, second) in enumerate(track.events):
        while ports[turn][0] <= number:
            port, turn = ports[turn][1], turn + 1
        kind, lane = status & 0xF0, (port, status & 0xF)
        if kind == 0xB0 and first == BANK:
            banks[lane] = second
        yield tick, kind, lane, first, banks.get(lane, 0) if kind == 0xC0 else second


@dataclass(frozen=True)
class Channels:
    """Where things are set, by lane and by the track that it is for.

    Attributes:
        programs: those that other tracks set for it, by tick; its own are not among them.
        pedals: where the pedal is down for it.
        lanes: of each track, how many it plays on.
        modes: of a channel that messages make one of drums, or of none, when.
        xg: whether the file turns XG on.
    """

    programs: dict[tuple[Lane, int], list[_Change]]
    pedals: dict[tuple[Lane, int], _Spans]
    lanes: Counter[int]
    modes: dict[int, list[_Change]]
    xg: bool

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
                    programs[lane][row].append((tick, first, second))
                elif kind == 0xB0 and first in (PEDAL, RESET_CONTROLLERS):
                    pedals[lane][row].append((tick, first == PEDAL and second >= 64))
        for changes in (programs, pedals):
            _pass_on(changes, playing, raw.tracks)
        end = max((track.end for track in raw.tracks), default=0)
        heard: dict[tuple[Lane, int], list[_Change]] = {}
        downs: dict[tuple[Lane, int], _Spans] = {}
        for lane, rows in playing.items():
            own = rows & programs[lane].keys()
            one = len({frozenset(change[1:] for change in programs[lane][row]) for row in own}) <= 1
            outside = _merged(programs[lane], programs[lane].keys() - rows)
            followed = _merged(programs[lane], programs[lane].keys()) if one else outside
            heard |= {(lane, row): outside if row in own else followed for row in rows}
            shared = _spans(_merged(pedals[lane], pedals[lane].keys() if one else pedals[lane].keys() - rows), end)
            alone = set() if one else rows & pedals[lane].keys()
            downs |= {(lane, row): _spans(pedals[lane][row], end) if row in alone else shared for row in rows}
        told = sorted((said for track in raw.tracks for said in track.exclusives), key=_tick)
        xg = any(message[0] == 0x43 and message[2:7] == _XG_ON for _, message in told)
        return cls(heard, downs, Counter(row for _, row in heard), _modes(told), xg)

    def struck(self, lane: Lane, row: int, tick: int, own: _Change | None) -> tuple[int, bool]:
        """The program of a note that a track strikes at `tick`, and whether it is a drum.

        Args:
            own: tick, program and bank that the track has set last itself.
        """
        others = self.programs[lane, row]
        at = bisect_right(others, tick, key=_tick) - 1
        last = others[at] if at >= 0 and (own is None or others[at][0] > own[0]) else own
        _, program, bank = last or (0, 0, 0)
        modes = self.modes.get(lane[1], [])
        mode = bisect_right(modes, tick, key=_tick) - 1
        if mode >= 0:
            return program, bool(modes[mode][1])
        return program, lane[1] == DRUM_CHANNEL or bank == _GM2_DRUMS or (self.xg and bank in _XG_DRUMS)

    def released(self, lane: Lane, row: int, tick: int) -> int:
        """When a key let go at `tick` falls silent. A pedal pressed at that very tick comes too late for it."""
        downs, ups = self.pedals[lane, row]
        at = bisect_right(downs, tick - 1) - 1
        return max(tick, ups[at]) if at >= 0 else tick


def _modes(told: list[tuple[int, bytes]]) -> dict[int, list[_Change]]:
    """What messages say of channels, by channel: tick, and whether it is one of drums."""
    modes: dict[int, list[_Change]] = defaultdict(list)
    for tick, message in told:
        if message[0] == 0x41 and message[2:5] == b"\x42\x12\x40" and len(message) >= 8:
            block, number, drums = message[5] & 0xF, message[6], message[7]
            if message[5] >> 4 == 1 and number == 0x15:  # GS: use for rhythm part; block 0 is channel 10
                modes[DRUM_CHANNEL if not block else block - 1 if block < 10 else block].append((tick, drums > 0))
        elif message[0] == 0x43 and message[2:4] == b"\x4c\x08" and len(message) >= 7 and message[5] == 0x07:
            modes[message[4]].append((tick, message[6] > 0))  # XG: part mode
    return modes


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
