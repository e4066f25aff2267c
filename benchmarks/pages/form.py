"""The tables of docs/form.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.music.planned_figures import returning
from benchmarks.pages.kept import Found, Kept, table
from benchmarks.pages.worth import worth

__all__ = ["form_blocks"]

ANSWERS = ("found", "one label", "random labels")
VARIATIONS = ("variation 0", "variation 0.2", "variation 0.5")
LIKE = "like a song, "
OTHER = ", other features"
HEARD = (  # rows of the table of plans found again
    *(f"{way}{ear}" for way in (*VARIATIONS, "pasted", "no plan") for ear in ("", OTHER)),
    *("one label", "random labels"),
    *(f"{LIKE}{way}{ear}" for way in ("variation 0.2", "variation 0.5", "pasted", "no plan") for ear in ("", OTHER)),
)
COPIED = (  # rows of the table of copies, of chords and of the melody
    *("variation 0.2", "variation 0.5", "no plan"),
    *(f"{LIKE}{way}" for way in ("variation 0.2", "variation 0.5", "variation 1", "no plan")),
)
PLANS = {
    "like tin_roof_morning": "like tin_roof_morning",
    "like the_last_ferry_north": "like the_last_ferry_north",
    **{form: form for form in ("AABA", "ABACA", "ABABCB")},
    "intro:4-verse:16-chorus-verse:16-chorus-outro:4": "intro, verses, choruses, outro",
}
AGAIN = (*VARIATIONS, "no plan", "pasted")
REAL = {
    "corpora/nottingham": "nottingham",
    "corpora/freedoom": "freedoom",
    "corpora/mutopia_pd": "mutopia_pd",
    "jsb_chorales/valid": "jsb_chorales' validation part",
}
PLANNED = ("planned_forms", "planned_like")


def form_blocks(kept: Kept) -> dict[str, str]:
    """By name."""
    planned = kept.figures(*PLANNED)
    blocks = {
        "form": (_form(kept.figures("form")), ("form",)),
        "planned": (_found_again(planned), PLANNED),
        "returning": (_returning([row for name in PLANNED for row in kept.raw(name)]), PLANNED),
        "comes again": (_comes_again(planned), PLANNED),
        "comes again, real": (_real(planned), ("planned_like",)),
        "copied": (_copied(planned), PLANNED),
        "nottingham": (_nottingham(kept.figures("planned_nottingham")), ("planned_nottingham",)),
        "worth": (worth(kept), ("worth_of_form_bundled", "worth_of_form_nottingham", "worth_of_form_mutopia")),
        "said again": (_said_again(kept.figures("said_again")), ("said_again",)),
    }
    return {name: "\n".join([*lines, "", kept.stand(*rows)]).strip() for name, (lines, rows) in blocks.items()}


def _numbers(values: Sequence[float]) -> list[str]:
    return [f"{value:.2f}" for value in values]


def _span(value: Sequence[float | None], digits: int = 2, times: float = 1) -> str:
    """A mean and its interval, where it has one: songs that are all alike have none."""
    mean, low, high = (None if number is None else f"{times * number:.{digits}f}" for number in value)
    return f"{mean} ({low} to {high})" if low is not None and value[1] != value[2] else f"{mean} (no interval)"


def _form(figures: Found) -> list[str]:
    songs = dict.fromkeys(key.rpartition(": ")[0] for key in figures)
    rows = [
        [
            name,
            *_numbers(figures[f"{name}: found"]),
            *(" ".join(_numbers(figures[f"{name}: {a}"])) for a in ANSWERS[1:]),
        ]
        for name in songs
    ]
    return table(("songs", "boundaries", "pairs", "adjusted Rand", "one label", "random labels"), rows)


def _rows(figures: Found, names: Sequence[str], key: Callable[[str], str], cells: Callable[[str], list[str]]) -> Any:
    """A row for each name whose figures are there."""
    return [[name, *cells(key(name))] for name in names if any(known.startswith(key(name)) for known in figures)]


def _found_again(figures: Found) -> list[str]:
    def key(name: str) -> str:
        way, group = name.removeprefix(LIKE), "like" if name.startswith(LIKE) else "forms"
        if "label" in name:
            return f"found again, forms, {name}: "
        ear = "other" if way.endswith(OTHER) else "own"
        return f"found again, {group}, {way.removesuffix(OTHER)}, {ear} features: "

    kinds = ("boundaries", "pairs", "adjusted Rand")
    rows = _rows(figures, HEARD, key, lambda start: [_span(figures[start + kind]) for kind in kinds])
    return table(("songs", *kinds), rows)


def _returning(rows: Sequence[Found]) -> list[str]:
    lines = []
    for way in (*VARIATIONS, "variation 1", "no plan", "pasted"):
        songs = [row for row in rows if row["how"] == way]
        found = returning(way, songs)
        if found:
            low, high = found[f"returning, {way}: least and most"]
            inside = found[f"returning, {way}: share of songs from 0.5 to 0.95"]
            cells = (f"{len(songs)}", f"{found[f'returning, {way}'][0]:.2f}", f"{low:.2f} to {high:.2f}")
            lines.append([way, *cells, f"{100 * inside:.0f} %"])
    return table(("songs", "number", "F1", "least and most", "of them from 0.5 to 0.95"), lines)


def _comes_again(figures: Found) -> list[str]:
    def cell(form: str, way: str) -> str:
        found = figures.get(f"repeated, {form}, {way} (20)") or figures.get(f"repeated, {form}, {way} (1)")
        return "" if not found else _span(found) if way != "real" else f"{found[0]:.2f}"

    rows = [[told, *(cell(form, way) for way in ("real", *AGAIN))] for form, told in PLANS.items()]
    known = [row for row in rows if any(row[1:])]
    return table(("plan", "the song itself", *AGAIN), known)


def _real(figures: Found) -> list[str]:
    rows = [
        [told, _span(figures[key])] for name, told in REAL.items() if (key := f"repeated, {name}, real (50)") in figures
    ]
    return table(("50 real songs each", "share of bars"), rows)


def _copied(figures: Found) -> list[str]:
    def key(name: str) -> str:
        view, _, way = name.partition(", ")
        group = "like" if way.startswith(LIKE) else "forms"
        return f"copied, {group}, {way.removeprefix(LIKE)}, {view}: "

    def cells(start: str) -> list[str]:
        grams = [_span(figures[f"{start}{size}-grams"], 1, 100) for size in (4, 8, 16)]
        return [_span(figures[f"{start}longest"], 1), *grams]

    names = [f"{view}, {way}" for view in ("chords", "melody") for way in COPIED]
    return table(("songs", "longest run", "4-grams", "8-grams", "16-grams"), _rows(figures, names, key, cells))


def _nottingham(figures: Found) -> list[str]:
    def one(key: str) -> str:
        return _span(figures[key]) if figures.get(key) else ""

    rows = []
    for way in (*VARIATIONS, "no plan"):
        found = [f"found again, forms, {way}, {ear} features" for ear in ("own", "other")]
        cells = [one(f"returning, {way}")]
        cells += [
            " ".join(f"{figures[f'{key}: {kind}'][0]:.2f}" for kind in ("boundaries", "pairs", "adjusted Rand"))
            if f"{key}: pairs" in figures
            else ""
            for key in found
        ]
        cells.append(one(f"repeated, like ashover1, {way} (20)"))
        copied = f"copied, forms, {way}, chords: "
        cells += (
            [f"{figures[f'{copied}longest'][0]:.1f}", f"{100 * figures[f'{copied}4-grams'][0]:.0f} %"]
            if figures
            else []
        )
        rows.append([way, *cells])
    real = figures.get("repeated, like ashover1, real (1)")
    rows += [["ashover1 itself", "", "", "", f"{real[0]:.2f}", "", ""]] if real else []
    headings = ("songs", "what returns", "AABA found again", "other features", "comes again, like ashover1")
    return table((*headings, "longest run of chords", "4-grams"), rows if figures else [])


def _said_again(figures: Found) -> list[str]:
    shares = {name: [100 * x for x in found["share"]] for name, found in figures.items()}
    rows = [
        [name, f"{share:.0f} % ({low:.0f} to {high:.0f})", str(figures[name]["primes"])]
        for name, (share, low, high) in shares.items()
    ]
    return table(("notes head", "the same chord again", "primes"), rows)
