"""Weights that --between keeps are taken up again only where all that they follow from is the same."""

from __future__ import annotations

import pytest

from experiments.music.between import kept


def test_weights_are_learnt_anew_where_songs_are_read_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = ("notes", ["of a song's bytes"], {"epochs": 3})
    before = kept.key_of_weights(*facts)
    assert kept.key_of_weights(*facts) == before
    monkeypatch.setattr(kept, "READER_VERSION", kept.READER_VERSION + 1)
    assert kept.key_of_weights(*facts) != before
