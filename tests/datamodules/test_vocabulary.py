"""Tokens, vocabularies and the two base distributions."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain, combinations
from typing import Any

import numpy as np
import pytest

from datamodules.errors import UserError
from datamodules.vocabulary import Speller, Vocabulary, parse_token, tick_histogram, token

CHORDS = Vocabulary(((48, 60, 64), (60,), (60, 64, 67)), (3, 0, 5))
TICKS = Vocabulary((1, 6, 12, 384), (4, 0, 9, 1))


def test_a_token_names_its_chord() -> None:
    assert token((60, 64, 67)) == "60.64.67"
    for chord in [(0,), (127,), (0, 127), (60, 64, 67)]:
        assert parse_token(token(chord)) == chord


@pytest.mark.parametrize(
    "text", ["", ".", "60.", "60..64", "128", "-1", "64.60", "60.60", "060", "6e1", "٦٠", "60 64", "x", "9" * 5000]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="no token"):
        parse_token(text)


@pytest.mark.parametrize("vocabulary", [CHORDS, TICKS])
def test_ids(vocabulary: Vocabulary) -> None:
    assert [vocabulary.index[value] for value in vocabulary.values] == list(range(len(vocabulary)))
    ids = {*vocabulary.index.values(), vocabulary.unknown, vocabulary.start}
    assert ids == set(range(vocabulary.inputs))


@pytest.mark.parametrize("vocabulary", [CHORDS, TICKS])
def test_json_and_back_is_the_same_vocabulary(vocabulary: Vocabulary) -> None:
    again = Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json())))
    assert again == vocabulary
    assert again.kind == vocabulary.kind


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "words"},
        {"kind": "chords"},
        {"kind": ["ticks"]},
        {"values": []},
        {"values": {}},
        {"values": [1, 6, 384, 12]},
        {"values": [1, 6, 6, 384]},
        {"values": [-1, 6, 12, 384]},
        {"values": [True, 6, 12, 384]},
        {"values": [1, 6, 12, 2**70]},
        {"values": [1.0, 6, 12, 384]},
        {"values": ["1", "6", "12", "38"]},
        {"counts": [4, 0, 9]},
        {"counts": [4, 0, 9, -1]},
        {"counts": [4, 0, 9, "1"]},
        {"counts": None},
        {"more": 1},
        {"borrowed": [0]},  # a training target
        {"borrowed": [1, 1]},
        {"borrowed": [4]},
        {"borrowed": "1"},
    ],
)
def test_a_damaged_vocabulary_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        Vocabulary.from_json(TICKS.to_json() | change)


def test_borrowed_values_are_known_and_not_its_own() -> None:
    borrowing = replace(TICKS, borrowed=(1,))
    assert borrowing.own == tuple(value for value in TICKS.values if value != TICKS.values[1])
    assert Vocabulary.from_json(borrowing.to_json()) == borrowing
    assert borrowing.index == TICKS.index


@pytest.mark.parametrize("data", [None, [], "kind", {"kind": "ticks", "values": [1]}])
def test_what_is_no_vocabulary_is_refused(data: object) -> None:
    with pytest.raises(UserError):
        Vocabulary.from_json(data)


def test_all_chords_of_a_toy_range_sum_to_one() -> None:
    speller = Speller.fit([(0,), (1, 4), (0, 2, 5), (1, 4)], pitches=6)
    every = list(chain.from_iterable(combinations(range(6), size) for size in range(1, 7)))
    assert np.exp(speller.log_probs(every)).sum() == pytest.approx(1, abs=1e-12)


def test_the_speller_is_the_bigram_of_the_design() -> None:
    """Distinct chords (60, 64), (64,), (62, 64): each step is (count + 0.1) / (all + 0.1 * options)."""
    speller = Speller.fit([(60, 64), (64,), (60, 64), (62, 64)])
    start = (3 + 0.1) / (3 + 0.1 * 128)
    after_64 = 3 + 0.1 * 65  # 64 lower pitches or the end
    assert speller.log_probs([(64,)])[0] == pytest.approx(np.log(start * (1 + 0.1) / after_64))
    end_of_60 = (1 + 0.1) / (1 + 0.1 * 61)
    assert speller.log_probs([(60, 64)])[0] == pytest.approx(np.log(start * (1 + 0.1) / after_64 * end_of_60))
    unseen = (0.1 / (3 + 12.8)) * (0.1 / (0.1 * 128)) * 1.0  # 127, then 0, after which only the end is left
    assert speller.log_probs([(0, 127)])[0] == pytest.approx(np.log(unseen))


def test_many_chords_at_once_are_spelled_as_one_by_one() -> None:
    random = np.random.default_rng(5)
    chords = [tuple(sorted(random.choice(128, size, replace=False).tolist())) for size in random.integers(1, 9, 60)]
    speller = Speller.fit(chords[:40])
    assert speller.log_probs(chords).tolist() == pytest.approx([speller.log_probs([chord])[0] for chord in chords])
    assert np.isfinite(speller.log_probs(chords)).all()
    assert speller.log_probs([]).shape == (0,)
    with pytest.raises(ValueError, match="empty"):
        speller.log_probs([(60,), ()])


def test_the_histogram_covers_the_range() -> None:
    shares = tick_histogram(TICKS, 1, 384)
    assert shares.shape == (384,)
    assert shares.sum() == pytest.approx(1)
    everything = 14 + 0.1 * 384
    assert shares[0] == pytest.approx(4.1 / everything)
    assert shares[5] == shares[1] == pytest.approx(0.1 / everything)
    assert shares[-1] == pytest.approx(1.1 / everything)
