"""Write the bundled songs from their scores: `python -m songs.compose [FOLDER]`. The same bytes each time."""

import sys
from pathlib import Path

from mido import Message, MetaMessage, MidiFile, MidiTrack, bpm2tempo  # type: ignore[import-untyped, unused-ignore]

from songs import the_last_ferry_north, tin_roof_morning
from songs.band import PARTS, Note, Song, play
from songs.notation import GRID

SONGS: dict[str, Song] = {"tin_roof_morning": tin_roof_morning.SONG, "the_last_ferry_north": the_last_ferry_north.SONG}
RESOLUTION = 480  # file ticks a quarter note
CHANNELS = {"melody": 0, "chords": 1, "bass": 2, "drums": 9}
SPREAD = {"melody": 64, "chords": 46, "bass": 64, "drums": 72}  # where a part stands between left (0) and right (127)


def form(name: str) -> tuple[tuple[str, int, int], ...]:
    """(label, first bar counted from 0, bars) of a bundled song's sections, by its file's stem."""
    return SONGS[name].form


def compose(folder: Path) -> tuple[Path, ...]:
    """Write every bundled song into the folder and say where."""
    paths = []
    for name, song in SONGS.items():
        file = MidiFile(type=1, ticks_per_beat=RESOLUTION)
        file.tracks.append(_conductor(song))
        file.tracks.extend(_track(song, part) for part in PARTS)
        path = folder / f"{name}.mid"
        file.save(path)
        paths.append(path)
    return tuple(paths)


def _conductor(song: Song) -> MidiTrack:
    """The track of what holds for all: title, key, metre, tempo."""
    upper, lower = song.metre
    track = MidiTrack(
        [
            MetaMessage("track_name", name=song.title),
            MetaMessage("copyright", text="CC0 1.0, public domain"),
            MetaMessage("key_signature", key=song.key),
            MetaMessage("time_signature", numerator=upper, denominator=lower),
        ]
    )
    before = 0
    for bar, beat, tempo in song.tempos:
        now = (bar * song.bar + beat * 4 * GRID // lower) * RESOLUTION // GRID
        track.append(MetaMessage("set_tempo", tempo=bpm2tempo(tempo), time=now - before))
        before = now
    return track


def _track(song: Song, part: str) -> MidiTrack:
    """A part's track: name, sound, place, then its notes, an end before a start on the same tick."""
    channel = CHANNELS[part]
    track = MidiTrack(
        [
            MetaMessage("track_name", name=part.capitalize()),
            Message("program_change", channel=channel, program=song.programs[part]),
            Message("control_change", channel=channel, control=10, value=SPREAD[part]),
        ]
    )
    before = 0
    for tick, sounding, note in _switches(play(song, part)):
        now = tick * RESOLUTION // GRID
        velocity = note.velocity if sounding else 0
        kind = "note_on" if sounding else "note_off"
        track.append(Message(kind, channel=channel, note=note.pitch, velocity=velocity, time=now - before))
        before = now
    return track


def _switches(notes: list[Note]) -> list[tuple[int, bool, Note]]:
    """(tick, whether it starts, note) of every start and end, in the order in which a file has them."""
    starts = [(note.onset, True, note) for note in notes]
    ends = [(note.onset + note.length, False, note) for note in notes]
    return sorted(starts + ends, key=lambda switch: (switch[0], switch[1], switch[2].pitch))


if __name__ == "__main__":
    for written in compose(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent):
        print(written)
