"""The guard in front of the MIDI parsers: one linear pass over a file's bytes, before mido or pretty_midi see them.

mido reads some files in quadratic time, gives up on a whole file for a bad key signature, drops tracks beyond the
header's count and forgets the time in front of an unknown meta event. So the chunks and events are walked here, with
every length checked, and only what a song needs is kept. What is damaged is rejected: half a song would train badly.

Source: Standard MIDI Files 1.0 (RP-001). Knows bytes and nothing of music; `repair.py` makes notes of the events.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = [
    "BANK",
    "KEY",
    "METRE",
    "NOTES_OFF",
    "PEDAL",
    "READER_VERSION",
    "RESET_CONTROLLERS",
    "TEMPO",
    "TRACK_NAME",
    "Limits",
    "Meta",
    "RawFile",
    "RawTrack",
    "RejectedFile",
    "scan",
]

READER_VERSION = 3  # part of the cache key: raise it when the same bytes would make another song, or another reason

Event = tuple[int, int, int, int]  # tick, status byte, first and second data byte (the first again where there is one)
Meta = tuple[int, int, bytes]  # tick, meta type, payload

TRACK_NAME, TEMPO, METRE, KEY = 0x03, 0x51, 0x58, 0x59
_PORT, _END_OF_TRACK = 0x21, 0x2F
_KEPT_METAS = (TRACK_NAME, TEMPO, METRE, KEY)
BANK, PEDAL, RESET_CONTROLLERS = 0, 64, 121
NOTES_OFF = (120, 123, 124, 125, 126, 127)  # all sound off, all notes off, and the mode messages that imply it
_KEPT_CONTROLS = frozenset((BANK, PEDAL, RESET_CONTROLLERS, *NOTES_OFF))
_KEPT_MAKERS, _LONGEST_KEPT = (b"\x41", b"\x43"), 10  # Roland and Yamaha; bytes of an exclusive message
_SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0}  # status: data bytes
_LOOKS_LIKE = (
    (b"RIFF", "a RIFF file; export it as a plain MIDI file"),
    (b"\x1f\x8b", "compressed with gzip; unpack it first"),
    (b"PK", "a zip archive; unpack it first"),
    (b"version https://git-lfs", "a Git LFS pointer; fetch the file itself"),
    (b"<", "a web page"),
)


class RejectedFile(Exception):  # noqa: N818 - an outcome, not an error
    """A file that is no song for us. ``str()`` is the reason, one line that a musician understands.

    Attributes:
        lasting: the same bytes will be rejected again; False for what depends on the machine (time, memory).
    """

    def __init__(self, reason: str, *, lasting: bool = True) -> None:
        super().__init__(reason)
        self.lasting = lasting


COST = ("seconds", "memory")  # limits of the reading; the others are of what is read


@dataclass(frozen=True)
class Limits:
    """What one file may cost; beyond, it is rejected. The defaults are far above any music we met."""

    bytes: int = 5_000_000
    notes: int = 200_000
    quarters: int = 100_000  # fourteen hours at 120 beats a minute
    ticks: int = 9_999_998  # in lowest terms; pretty_midi keeps 8 bytes a tick and refuses 1e7
    seconds: float = 5.0  # to read one file, in a worker process
    memory: int = 500_000_000  # bytes that a worker may take on top of what it has when it starts


@dataclass
class RawTrack:
    """One track chunk: the events a song is made of, in file order, and the tick of its end.

    Attributes:
        ports: MIDI ports that it names, each with the number of events that come before it.
        exclusives: system exclusive messages with their ticks, those that may say what a channel is for.
    """

    events: list[Event] = field(default_factory=list)
    ports: list[tuple[int, int]] = field(default_factory=list)
    exclusives: list[tuple[int, bytes]] = field(default_factory=list)
    metas: list[Meta] = field(default_factory=list)
    end: int = 0


@dataclass(frozen=True)
class RawFile:
    """A checked file; `division` is ticks a quarter note."""

    division: int
    tracks: list[RawTrack]


class _TrackError(Exception):
    """Damage inside a track; the message says what."""


def scan(data: bytes, limits: Limits) -> RawFile:
    """Walk a MIDI file's bytes once.

    Raises:
        RejectedFile: it is no MIDI file, damaged, of a kind that is not one song, or beyond the limits.
    """
    if len(data) > limits.bytes:
        raise RejectedFile(f"larger than {limits.bytes:,} bytes")
    header_end, claimed, division = _header(data)
    tracks: list[RawTrack] = []
    notes = 0
    for start, end in _track_chunks(data, header_end, claimed):
        track = _scan_track(data[start:end], len(tracks) + 1)
        tracks.append(track)
        notes += sum(status & 0xF0 == 0x90 and velocity > 0 for _, status, _, velocity in track.events)
        if notes > limits.notes:
            raise RejectedFile(f"more than {limits.notes:,} notes")
        if track.end > limits.quarters * division:
            raise RejectedFile(f"longer than {limits.quarters:,} quarter notes; probably damaged")
    return RawFile(division, tracks)


def _header(data: bytes) -> tuple[int, int, int]:
    """Where the header ends, how many tracks it claims, and the division."""
    if not data:
        raise RejectedFile("an empty file")
    if data[:4] != b"MThd":
        kind = next((kind for magic, kind in _LOOKS_LIKE if data.lstrip().startswith(magic)), "no MThd at its start")
        raise RejectedFile(f"not a MIDI file ({kind})")
    length = int.from_bytes(data[4:8])
    if len(data) < 14 or length < 6 or 8 + length > len(data):
        raise RejectedFile("cut off in its header")
    kind_, claimed, division = (int.from_bytes(data[at : at + 2]) for at in (8, 10, 12))
    if kind_ > 2:
        raise RejectedFile(f"MIDI type {kind_}; only 0 and 1 are songs")
    if kind_ == 2 and claimed > 1:
        raise RejectedFile(f"MIDI type 2: {claimed} separate sequences, not one song; export it as type 1")
    if division == 0:
        raise RejectedFile("its header says zero ticks a quarter note")
    if division & 0x8000:
        raise RejectedFile("timed in film frames (SMPTE), not in quarter notes; export it with ticks a quarter note")
    return 8 + length, claimed, division


def _track_chunks(data: bytes, at: int, claimed: int) -> list[tuple[int, int]]:
    """Start and end of every track chunk's content; also those beyond the header's count."""
    chunks: list[tuple[int, int]] = []
    others = 0  # chunks of another kind, which the standard says to skip; some writers count them as tracks
    while at < len(data):
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8])
        start, end = at + 8, at + 8 + length
        if end > len(data) or not name.isalnum():
            if len(chunks) + others >= claimed:
                break  # junk behind the last track
            raise RejectedFile(
                f"cut off or damaged: track {len(chunks) + 1} of {claimed} reaches beyond the file's end"
            )
        if name == b"MTrk":
            chunks.append((start, end))
        else:
            others += 1
        at = end
    if len(chunks) + others < claimed:
        raise RejectedFile(f"cut off: {len(chunks)} tracks of the {claimed} that its header promises")
    return chunks


def _scan_track(chunk: bytes, number: int) -> RawTrack:
    """The events of one track.

    What follows the end-of-track event is read as long as it makes sense: some writers put it too early.
    """
    track = RawTrack()
    at = tick = running = 0
    ended = False
    try:
        while at < len(chunk):
            delta, at = _number(chunk, at)
            tick += delta
            status = chunk[at]
            if status < 0x80:
                if not running:
                    raise _TrackError("an event without a status byte")
                status = running
            else:
                at += 1
            if status < 0xF0:
                running = status
                at = _channel_event(chunk, at, tick, status, track)
            elif status == 0xFF:
                at, ended = _meta_event(chunk, at, tick, track, ended)
            else:
                at = _system_event(chunk, at, tick, status, track)
            track.end = tick
    except (_TrackError, IndexError) as fault:
        if not ended:
            reason = str(fault) if isinstance(fault, _TrackError) else "an event cut off"
            raise RejectedFile(f"damaged: {reason} in track {number}, near its byte {at:,}") from None
    return track


def _number(chunk: bytes, at: int) -> tuple[int, int]:
    """A variable-length number, and where it ends. Four bytes at most: longer runs take mido quadratic time."""
    value = 0
    for byte in chunk[at : at + 4]:
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    raise _TrackError("a number of more than four bytes" if at < len(chunk) else "an event cut off")


def _channel_event(chunk: bytes, at: int, tick: int, status: int, track: RawTrack) -> int:
    last = at if 0xC0 <= status < 0xE0 else at + 1  # program change and channel pressure have one data byte
    first, second = chunk[at], chunk[last]
    if first > 127 or second > 127:
        raise _TrackError(f"a value of {max(first, second)} where 127 is the most")
    kind = status & 0xF0
    if kind in (0x80, 0x90, 0xC0) or (kind == 0xB0 and first in _KEPT_CONTROLS):
        track.events.append((tick, status, first, second))
    return last + 1


def _meta_event(chunk: bytes, at: int, tick: int, track: RawTrack, ended: bool) -> tuple[int, bool]:
    kind = chunk[at]
    start, end = _counted(chunk, at + 1)
    if kind in _KEPT_METAS:
        track.metas.append((tick, kind, chunk[start:end]))
    elif kind == _PORT and end > start:
        track.ports.append((len(track.events), chunk[start]))
    return end, ended or kind == _END_OF_TRACK


def _system_event(chunk: bytes, at: int, tick: int, status: int, track: RawTrack) -> int:
    if status in (0xF0, 0xF7):
        start, end = _counted(chunk, at)
        if status == 0xF0 and end - start <= _LONGEST_KEPT and chunk[start : start + 1] in _KEPT_MAKERS:
            track.exclusives.append((tick, chunk[start:end]))
        return end
    if status not in _SYSTEM_DATA:
        raise _TrackError(f"an unknown event (0x{status:02X})")
    return at + _SYSTEM_DATA[status]


def _counted(chunk: bytes, at: int) -> tuple[int, int]:
    """Start and end of the bytes that the length at `at` announces."""
    length, start = _number(chunk, at)
    if start + length > len(chunk):
        raise _TrackError("a text or data event longer than its track")
    return start, start + length
