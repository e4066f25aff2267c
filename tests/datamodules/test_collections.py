"""The layouts of well-known collections: all songs are taken, with their roles, their splits and their versions."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
import pytest
from midi_files import meta, midi_file, off, on, scale, track

from datamodules.corpus.finding import find_files
from datamodules.corpus.official import official_split
from datamodules.corpus.reading import read_corpus
from datamodules.corpus.versions import families, joined
from datamodules.folds import make_folds
from datamodules.midi.raw_bytes import TRACK_NAME
from datamodules.splits import TRAIN, VALID, alike, make_split
from experiments.data_options import DataOptions
from experiments.dataset import Dataset, read_dataset

HEADER = "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration\n"


def lay(root: Path, *names: str, notes: int = 30) -> Path:
    """Files of these names, each another song."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(scale(number, notes))
    return root


def read(root: Path, **options: object) -> Dataset:
    return read_dataset(DataOptions((str(root),), **options))  # type: ignore[arg-type]


def uses(dataset: Dataset, root: Path) -> dict[str, str]:
    """What each accepted song is for, by its path from the root on."""
    return {str(Path(row.path).relative_to(root)): use for row, use in dataset.rows if row.accepted}


def named(name: str, *pitches: tuple[int, ...]) -> bytes:
    """A track of quarter-note chords."""
    events = [(0, meta(TRACK_NAME, name.encode()))]
    for chord in pitches:
        events += [(0, on(pitch)) for pitch in chord]
        events += [(480 if row == 0 else 0, off(pitch)) for row, pitch in enumerate(chord)]
    return track(*events)


# -- laws


@pytest.mark.parametrize("seed", range(10))
def test_joined_are_those_that_a_chain_of_keys_connects(seed: int) -> None:
    random = np.random.default_rng(seed)
    keys: list[list[Hashable]] = [random.integers(30, size=random.integers(3)).tolist() for _ in range(40)]
    near = np.array([[i == j or bool(set(a) & set(b)) for j, b in enumerate(keys)] for i, a in enumerate(keys)])
    reach = np.linalg.matrix_power(near.astype(float), 40) > 0
    numbers = np.array(joined(keys))
    assert np.array_equal(numbers[:, None] == numbers, reach)
    assert all(numbers[number] == number for number in numbers)


def test_songs_without_versions_are_grouped_as_ever(tmp_path: Path) -> None:
    dataset = read(lay(tmp_path, *(f"{number}.mid" for number in range(20))))
    assert alike(dataset.events, range(20)) == alike(dataset.events) == [[number] for number in range(20)]
    assert dataset.split.label == "by song, seed 1: 16 to train, 2 to validate, 2 to test"


# -- versions


LAYOUTS = {
    "pop909": [
        f"POP909/{song:03}/{name}"
        for song in range(1, 13)
        for name in (f"{song:03}.mid", *(f"versions/{song:03}-v{version}.mid" for version in range(1, song % 4 + 1)))
    ],
    "lakh, matched": [
        f"lmd_matched/A/{chr(65 + song)}/R/TRA{chr(65 + song)}RKG128F425B14{song:X}/{song * 31 + version:032x}.mid"
        for song in range(12)
        for version in range(1 + song % 3)
    ],
    "lakh, clean": [
        f"clean_midi/An Artist/Song No. {song}{version}.mid"
        for song in range(12)
        for version in ("", ".1", ".2", ".10")[: 1 + song % 4]
    ],
    "nottingham": [
        f"MIDI/{folder}jigs{song}.mid" for song in range(12) for folder in ("", "melody/", "chords/")[: 1 + song % 3]
    ],
}


def parted(kin: Sequence[int], songs: Sequence[str]) -> bool:
    """Whether versions of one song are for different things."""
    return len(set(zip(kin, songs, strict=True))) > len(set(kin))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_versions_of_a_song_are_on_one_side(layout: str, tmp_path: Path) -> None:
    names = LAYOUTS[layout]
    dataset = read(lay(tmp_path, *names))
    kin = dataset.split.kin
    assert len(dataset.songs) == len(names)
    assert len(set(kin)) == 12
    assert f"versions of a song on one side ({len(names)} files are versions of 12 songs)" in dataset.split.label
    assert not parted(kin, dataset.split.songs)
    without = [make_split("song", dataset.events, seed).songs for seed in range(5)]
    assert any(parted(kin, songs) for songs in without)  # it is not by chance
    for seed in range(5):
        split = make_split("song", dataset.events, seed, kin)
        assert set(split.songs) == {"train", "valid", "test"}
        assert not parted(kin, split.songs)
        assert not any(parted(kin, fold.songs) for fold in make_folds(dataset.split, dataset.events, 3, seed))


def test_a_file_that_stands_in_two_folders_ties_them_together(tmp_path: Path) -> None:
    one, other, third = (f"TRAAAGR128F425B14{end}" for end in "ABC")
    lay(tmp_path, f"{one}/1.mid", f"{other}/2.mid", f"{third}/3.mid")
    (tmp_path / other / "0.mid").write_bytes((tmp_path / one / "1.mid").read_bytes())
    corpus = read_corpus([tmp_path])
    numbers = families([(row.path, row.digest) for row in corpus.rows])
    by_folder = {Path(row.path).parent.name: number for row, number in zip(corpus.rows, numbers, strict=True)}
    assert by_folder[one] == by_folder[other] != by_folder[third]
    assert len(set(read(tmp_path).split.kin)) == 2


def test_what_only_looks_like_versions_is_none(tmp_path: Path) -> None:
    names = ("a/versions/x.mid", "a/y.mid", "op1.1.mid", "op1.2.mid", "melody/z.mid", "TRACKS/1.mid", "TRACKS/2.mid")
    files = [(str(tmp_path / name), hashlib.sha256(name.encode()).hexdigest()) for name in names]
    assert families(files) == list(range(len(names)))
    assert families([("a.mid", ""), ("b.mid", "")]) == [0, 1]  # not read, so not equal


def test_few_songs_are_cut_and_told_that_versions_know_more(tmp_path: Path) -> None:
    split = read(lay(tmp_path, "001/001.mid", "001/versions/001-v1.mid")).split
    assert split.name == "tail"
    assert "which other versions of it may train (2 files are versions of 1 songs)" in split.label


def test_songs_that_were_named_are_counted_where_training_has_a_version(tmp_path: Path) -> None:
    lay(tmp_path, "001/001.mid", "001/versions/001-v1.mid", "002/002.mid", "003/003.mid")
    split = read(tmp_path, valid=(str(tmp_path / "001/versions"), str(tmp_path / "003"))).split
    assert split.label == "songs named: 2 to train, 2 to validate, 0 to test (versions of training songs: 1)"


# -- roles


def test_the_parts_of_pop909_have_their_roles(tmp_path: Path) -> None:
    melody = named("MELODY", (72,), (74,), (76,), (74,))
    piano = named("PIANO", (48, 60, 64), (50, 62), (52, 64, 67), (50, 62))
    (tmp_path / "high.mid").write_bytes(midi_file(melody, named("BRIDGE", (79,), (81,)), piano))
    (tmp_path / "low.mid").write_bytes(midi_file(melody, named("BRIDGE", (45,), (47,)), piano))
    for row in read_corpus([tmp_path]).rows:
        assert row.parts == ("MELODY:melody", "BRIDGE:chords", "PIANO:chords")


# -- splits that songs came with


def maestro(root: Path) -> dict[str, str]:
    """MAESTRO's folder; what each of its songs is for."""
    given = {f"{year}/MIDI-Unprocessed_{n}.midi": "train" for year in (2004, 2006, 2018) for n in range(4)}
    given |= {"2004/MIDI-Unprocessed_3.midi": "validation", "2018/MIDI-Unprocessed_0.midi": "test"}
    lay(root, *given)
    rows = (f'Alban Berg,"Sonata, Op. 1",{use},2018,{name},{name[:-4]}wav,698.66\n' for name, use in given.items())
    (root / "maestro-v3.0.0.csv").write_text(HEADER + "".join(rows), encoding="utf-8")
    (root / "maestro-v3.0.0.json").write_text("{}")
    (root / "LICENSE").write_text("CC BY-NC-SA 4.0")
    return {name: {"validation": "valid"}.get(use, use) for name, use in given.items()}


def test_maestro_has_a_split_of_its_own(tmp_path: Path) -> None:
    root = tmp_path / "maestro-v3.0.0"
    given = maestro(root)
    dataset = read(root)
    assert uses(dataset, root) == given
    assert dataset.split.label.startswith(
        "the songs' own split (maestro-v3.0.0.csv; --split song makes another): 10 to"
    )
    assert dataset.split.label.endswith("train, 1 to validate, 1 to test")
    assert {row.parts for row, _ in dataset.rows} == {("Acoustic Grand Piano:melody",)}
    assert read(root, split="song").split.label.startswith("by song, seed 1: 10 to train")


def test_a_split_that_does_not_fit_is_named_and_not_used(tmp_path: Path) -> None:
    root = tmp_path / "maestro-v3.0.0"
    maestro(root)
    assert read(root / "2006").split.label == (
        "last fifth of each song held out (the split of maestro-v3.0.0.csv is not used: of these songs it has none to"
        " train or none to validate on)"
    )
    lay(root, "2006/mine.mid", notes=50)
    assert "it names 12 of 13 songs" in read(root).split.label


def test_folders_of_a_split_are_taken_for_it(tmp_path: Path) -> None:
    given = {f"{part}/{n}.mid": part for part, count in (("train", 6), ("valid", 2), ("test", 2)) for n in range(count)}
    dataset = read(lay(tmp_path, *given))
    assert uses(dataset, tmp_path) == given
    assert "folders train, valid and test" in dataset.split.label
    assert "own split" not in read(lay(tmp_path, "other.mid", notes=50)).split.label


@pytest.mark.parametrize("valid", ["valid", "Validation", "val"])
def test_a_validation_folder_has_several_names(valid: str) -> None:
    found = official_split(["/x/train/1.mid", f"/x/{valid}/2.mid", "/x/test/deeper/3.mid"])
    assert found is not None
    assert found.songs == ("train", "valid", "test")


def test_songs_below_a_folder_that_happens_to_be_called_test(tmp_path: Path) -> None:
    assert official_split([f"/home/test/songs/{n}.mid" for n in range(9)]) is None
    assert official_split(["/a/train/1.mid", "/a/test/2.mid"]) is None  # nothing to validate on


@pytest.mark.parametrize(
    "table",
    [
        b"\xff\xfe\x00 no text",
        b"",
        b"midi_filename;split\n0.mid;train\n",
        HEADER.encode() + b"only,one\n",
        HEADER.encode() + b'a,b,train,1,"' + b"x" * 200_000 + b'",c,d\n',
        b"split,midi_filename\ntrain,../../../../etc/passwd\n",
    ],
)
def test_other_tables_beside_songs_do_no_harm(table: bytes, tmp_path: Path) -> None:
    (tmp_path / "a table.csv").write_bytes(table)
    (tmp_path / "a folder.csv").mkdir()
    paths = [str(tmp_path / f"{number}.mid") for number in range(3)]
    assert official_split(paths) is None
    lines = [f"{use},{number}.mid\n" for number, use in enumerate(("train", "validation", "test"))]
    (tmp_path / "b.csv").write_text("split,midi_filename\n" + "".join(lines))
    found = official_split(paths)
    assert found is not None
    assert (found.origin, found.songs) == ("b.csv", ("train", "valid", "test"))


# -- files


def test_what_archives_and_desktops_add_is_passed_over_quietly(tmp_path: Path) -> None:
    songs = [f"lmd_full/{digit}/{digit * 32}.mid" for digit in "0123456789abcdef"]
    lay(tmp_path, *songs)
    for name in ("__MACOSX/lmd_full/0/._0.mid", "__MACOSX/x.mid", "lmd_full/.DS_Store", "lmd_full/0/._0.mid"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    corpus = read_corpus([tmp_path])
    assert [str(Path(row.path).relative_to(tmp_path)) for row in corpus.rows] == songs
    assert all(row.accepted for row in corpus.rows)


def test_finding_and_grouping_files_takes_as_long_for_each_however_many_they_are(tmp_path: Path) -> None:
    """Ten times the files, ten times the calls, of which the clock of a busy machine knows nothing."""
    few, many = (_calls_to_group(tmp_path / str(count), count) for count in (200, 2_000))
    assert many < 11 * few


def _calls_to_group(place: Path, count: int) -> int:
    """How many functions are called while so many files are found and grouped."""
    for number in range(count):
        folder = place / f"{number % 16:x}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:032x}.mid").touch()
    calls = Counter[str]()
    sys.setprofile(lambda _, event, __: calls.update([event]))
    try:
        files = [str(path) for path in find_files([place])]
        groups = families([(file, str(number)) for number, file in enumerate(files)])
        split = official_split(files)
    finally:
        sys.setprofile(None)
    assert len(set(groups)) == count
    assert split is None
    return calls["call"] + calls["c_call"]


def test_targets_of_a_given_split_are_whole_songs(tmp_path: Path) -> None:
    maestro(tmp_path)
    split = read(tmp_path).split
    assert (split.targets(TRAIN), split.targets(VALID)) == (10 * 29, 29)
