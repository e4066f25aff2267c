"""Worked examples of each command, for its page under docs/commands/: what one wants, and the line that does it.

Runs and songs stand for the reader's own: `my_run`, `my_songs/`, `my_song.mid`.
"""

from __future__ import annotations

__all__ = ["EXAMPLES", "READ_ON"]

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {  # by command: wanted, arguments
    "tune": (
        ("Search one head over a folder of MIDI files, with 64 configurations.", "notes my_songs/ --trials 64"),
        (
            "All heads in an hour, into a run with a name; the best three configurations of each are trained again with"
            " three other seeds, so that the winner is no accident.",
            "all my_songs/ --name my_run --time-budget 3600 --trials 500 --confirm 3",
        ),
        (
            "Go on with what was stopped, killed, or out of time; a larger `--trials` than before extends it.",
            "--resume my_run --trials 600 --time-budget 7200",
        ),
        (
            "Ask for one thing and leave the rest to the search: a transformer over windows of 64 events.",
            "notes my_songs/ --name far --set backbone=transformer --set window=64",
        ),
    ),
    "train": (
        (
            "Train every winner of a run further; each is replaced only if it gets better.",
            "all --run my_run --epochs 200",
        ),
        (
            "Winners of all songs, the held-out ones too: to play (`generate --all-songs`), and never scored.",
            "all --run my_run --all-songs",
        ),
        (
            "Go on without the class weights that a search had (what that is worth: [results.md](../results.md)).",
            "notes --run my_run --epochs 80 --weighting none --json figures.json",
        ),
    ),
    "evaluate": (
        ("Score a run on its test part, and keep the figures as JSON.", "my_run --json figures.json"),
        ("Is this run better than that one, on the same events?", "my_run --against my_other_run"),
        ("Score it on songs that are no part of the run.", "my_run my_other_songs/"),
        ("What would a mixture with the n-gram reach?", "my_run --mix-ngram"),
    ),
    "generate": (
        ("Thirty-two bars that go on from the opening of a song of yours.", "my_run --prime my_song.mid --bars 32"),
        (
            "Three songs in the form AABA that share no more than eight events in a row with a training song, unless no"
            " other chord is likely.",
            "my_run --form AABA --candidates 3 --max-copy 8 --out new.mid",
        ),
        (
            "The notes of one run in the timing of another, in A minor, the melody on a flute.",
            "--notes my_run --durations my_other_run --offsets my_other_run --key 'A minor' --instruments melody=flute",
        ),
        ("A song between two of yours, nearer to the first.", "my_run --between a.mid b.mid --mix 0.3"),
        ("Keep a melody as it is, and have the rest written around it.", "my_run --keep melody:my_song.mid"),
    ),
    "report": (
        ("The page of a run, with a new song to hear in it.", "my_run --song new_song.mid"),
        ("A longer listening test on the blind page: ten written excerpts, drawn anew.", "my_run --blind 10 --seed 2"),
    ),
    "explore": (
        ("What is in a folder of songs, as tables and as pictures.", "my_songs/ --out my_songs.png"),
        ("Scores of Bach out of music21's corpus, and the form of the first four.", "music21:bach --forms 4"),
        ("The melodies alone, quickly: without the n-grams.", "my_songs/ --parts melody --no-baselines"),
    ),
    "runs": (
        ("All runs, and what their heads reached.", ""),
        ("Two runs side by side: what was different, and what came of it.", "first_run second_run"),
    ),
}
READ_ON = {  # pages that tell what the options are about
    "tune": ("design.md", "songs.md", "cluster.md", "dashboards.md", "wandb.md", "reliability.md"),
    "train": ("results.md",),
    "evaluate": ("design.md", "results.md"),
    "generate": ("music.md", "form.md", "between.md"),
    "report": ("tutorial.md",),
    "explore": ("songs.md", "form.md"),
    "runs": ("design.md",),
}
