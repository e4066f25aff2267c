"""What `explore` prints of a summary: blocks for a rich console, readable from 80 columns on."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from datamodules.baselines.averages import Figures
from datamodules.names import chord_names
from datamodules.song import ROLES
from experiments.exploring.summaries import SCHEMES, TOP, ColumnSummary, SongSummary, Summary, plain
from experiments.figures import TITLES, many

__all__ = ["tables"]

FEW = 8  # songs up to here are shown one by one
REJECTED = 20  # rejected files that are named
COMMON = 6  # metres, keys and reasons that are named

Cell = Callable[[ColumnSummary], str]


def tables(summary: Summary) -> Iterator[RenderableType]:
    """All blocks, in the order in which they are read."""
    yield from _songs(summary)
    yield from _split(summary)
    yield ""
    yield _columns(summary)
    yield _indent(f"[dim]{WEIGHTS_NOTE}[/dim]")
    yield ""
    yield Columns([_top(column) for column in summary.columns], padding=(0, 4))
    if summary.baselines:
        yield ""
        yield _baselines(summary)


def _songs(summary: Summary) -> Iterator[RenderableType]:
    """What was read, and what was not."""
    songs, rejected = summary.songs, summary.rejected
    events, notes = sum(song.events for song in songs), sum(song.notes for song in songs)
    said = f"{many(len(songs), 'song')}, {many(events, 'event')}, {many(notes, 'note')}"
    yield _heading("Songs", f"{said}; {many(len(rejected), 'file')} rejected")
    if len(songs) <= FEW:
        yield from map(_song, songs)
    else:
        yield _all_songs(songs)
    for row in rejected[:REJECTED]:
        yield _indent(f"[yellow]rejected[/yellow] {escape(_short(row.path))}: {escape(plain(row.reason))}")
    if len(rejected) > REJECTED:
        reasons = Counter(plain(row.reason) for row in rejected[REJECTED:])
        more = many(len(rejected) - REJECTED, "more file")
        yield _indent(f"[yellow]rejected[/yellow] {more}: {escape(_common(reasons))}")


def _song(song: SongSummary) -> RenderableType:
    """A song in a few lines."""
    facts = ", ".join([f"{_span(*song.tempos)} bpm", _first(song.metres), _first(song.keys) or "no key given"])
    counts = f"{many(song.events, 'event')}, {many(song.notes, 'note')}, {many(song.bars, 'bar')}"
    table = Table.grid(padding=(0, 2))
    for role in ROLES:
        names = Counter(plain(part.name) or "unnamed" for part in song.parts if part.role == role)
        if names:
            told = ", ".join(name if count == 1 else f"{name} x{count}" for name, count in names.items())
            table.add_row(role, escape(told) + (" [dim](kept, not learned)[/dim]" if role == "drums" else ""))
    lines = (
        f"[bold]{escape(song.name)}[/bold]",
        Padding(f"{counts}\n{facts}", (0, 0, 0, 2)),
        Padding(table, (0, 0, 0, 2)),
    )
    return Padding(Group(*lines), (0, 0, 0, 2))


def _all_songs(songs: Sequence[SongSummary]) -> RenderableType:
    """Many songs in a few lines."""
    table = Table.grid(padding=(0, 2))
    for name in ("events", "notes", "bars"):
        numbers = sorted(getattr(song, name) for song in songs)
        table.add_row(f"{name} a song", f"{numbers[0]:,} to {numbers[-1]:,}, median {_median(numbers):,}")
    slow, fast = sorted(song.tempos[0] for song in songs), max(song.tempos[1] for song in songs)
    table.add_row("tempo", f"{_span(slow[0], fast)} bpm, median {_median(slow):.4g}")
    table.add_row("metres (songs)", _common(Counter(metre for song in songs for metre in song.metres)))
    table.add_row("keys (songs)", _common(Counter(key for song in songs for key in song.keys or ("not given",))))
    roles = Counter(role for song in songs for role in {part.role for part in song.parts})
    table.add_row("parts (songs)", _common(Counter({role: roles[role] for role in ROLES if roles[role]})))
    return Padding(table, (0, 0, 0, 2))


def _split(summary: Summary) -> Iterator[RenderableType]:
    """How the targets are split, and how much of validation stands in training."""
    yield _heading("Split", escape(summary.split))
    if not summary.leakage:
        yield _indent(f"figures are on the {summary.valid_label}: nothing is held out, so nothing can leak")
        return
    shares = ", ".join(f"{name} {_share(share, 'too short')}" for name, share in summary.leakage.items())
    yield _heading("Leakage", f"of {summary.valid_label}: {shares}")
    yield _indent(
        "[dim]the share of its rows of six values that training has too; triples are chord, duration and offset[/dim]"
    )


def _columns(summary: Summary) -> Table:
    """The columns side by side."""
    rows: list[tuple[str, Cell]] = [
        ("targets", lambda c: f"{c.targets:,}"),
        ("vocabulary", lambda c: f"{c.vocabulary:,}"),
        ("values that occur once", lambda c: f"{c.once:,}"),
        ("values making half of them", lambda c: f"{c.half:,}"),
        ("most frequent value", lambda c: _share(int(c.counts[0]) / c.targets)),
        ("entropy, nats", lambda c: f"{c.entropy:.2f}"),
    ]
    if summary.leakage:
        rows.append(("validation not in vocabulary", lambda c: _share(c.outside)))
    table = Table(title="Training targets", title_justify="left", title_style="bold", pad_edge=False, box=None)
    table.add_column("")
    for column in summary.columns:
        table.add_column(column.name, justify="right")
    for name, cell in rows:
        table.add_row(name, *map(cell, summary.columns))
    for scheme in SCHEMES:
        found = [column.weights[scheme] for column in summary.columns]
        spans = [f"{_weight(w.by_value.min())} to {_weight(w.by_value.max())}" for w in found]
        table.add_row(f"{scheme} weights, least to most", *spans)
        table.add_row("  effective sample size", *(f"{w.effective:,.0f}" for w in found))
        table.add_row("  what they cost, nats", *(f"{w.cost:.2f}" for w in found))
    return table


WEIGHTS_NOTE = (
    "weights aim at rare values (judge by macro accuracy, which they did not raise on chorales: docs/results.md); they"
    " cost at least these nats for a model without context. For rare chords, spelled chords and transposition help more"
)


def _top(column: ColumnSummary) -> Table:
    """The most frequent values of a column."""
    chords = column.spec.chords
    title = "Most frequent chords" if chords else f"{column.name.capitalize()}, in {column.spec.unit}"
    table = Table(title=title, title_justify="left", title_style="bold", pad_edge=False, box=None)
    table.add_column("token" if chords else "value")
    if chords:
        table.add_column("")
    for name in ("targets", *SCHEMES):
        table.add_column(name, justify="right")
    for i, value in enumerate(column.values[:TOP]):
        names = [f"[dim]{chord_names(value)}[/dim]"] if chords else []
        found = [_weight(column.weights[scheme].by_value[i]) for scheme in SCHEMES]
        table.add_row(column.label(value), *names, f"{int(column.counts[i]):,}", *found)
    return table


def _baselines(summary: Summary) -> Table:
    """The baselines of each column, on validation."""
    title = f"Baselines on {summary.valid_label}"
    table = Table(title=title, title_justify="left", title_style="bold", pad_edge=False, box=None)
    table.add_column("")
    for name in summary.baselines:
        table.add_column(name, justify="right")
    for unit, told in (("nats", "nats an event"), ("mae", "MAE, in the head's own unit")):
        table.add_row(f"[dim]{told}[/dim]")
        for key, name in TITLES.items():
            figures = [found.get(key, {}) for found in summary.baselines.values()]
            if any(unit in found for found in figures):
                table.add_row(f"  {name}", *(_figure(found, unit) for found in figures))
    return table


def _figure(found: Figures, unit: str) -> str:
    if unit not in found:
        return "-"
    return f"{found[unit]:.3f} ({found['order']})" if "order" in found else f"{found[unit]:.3f}"


def _heading(title: str, text: str) -> str:
    return f"[bold]{title}[/bold]  {text}"


def _indent(text: str) -> Padding:
    return Padding(text, (0, 0, 0, 2))


def _common(counts: Counter[str]) -> str:
    """The most common names, each with how many songs or files have it."""
    told = ", ".join(f"{name} ({count:,})" for name, count in counts.most_common(COMMON))
    return f"{told} and {many(len(counts) - COMMON, 'other')}" if len(counts) > COMMON else told


def _first(names: Sequence[str]) -> str:
    """The first few names."""
    more = f" and {many(len(names) - 3, 'other')}" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _median(ordered: Sequence[float]) -> float:
    """The middle one; of two, the later."""
    return ordered[len(ordered) // 2]


def _span(low: float, high: float) -> str:
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"


def _share(share: float | None, lacking: str = "-") -> str:
    return lacking if share is None else f"{100 * share:.1f} %"


def _weight(weight: float) -> str:
    if weight < 0.1:
        return f"{weight:.2g}"
    return f"{weight:.2f}" if weight < 10 else f"{weight:,.0f}"


def _short(path: str) -> str:
    """The path as seen from here, if that is shorter."""
    return plain(min(os.path.relpath(path), path, key=len))
