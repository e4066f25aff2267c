"""All rows in a table: when they were measured, of which commit, and whether they are still of the code of today."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console

from benchmarks.pages.kept import Found, Kept, commit_of
from benchmarks.reproducing.depends import depends
from benchmarks.reproducing.measuring import kept_files
from benchmarks.reproducing.places import Places
from benchmarks.reproducing.stale import CHANGES, stale
from benchmarks.rows.row import Row

__all__ = ["listing", "stale_rows", "standing"]

MISSING = "not measured"


def standing(row: Row, found: list[Found], places: Places) -> str:
    """Why a row is to be measured again, the worst of its seeds; "" if it need not be."""
    if len(found) < max(len(row.seeds), 1):
        return MISSING if not found else f"{len(found)} of {len(row.seeds)} seeds measured"
    files = depends(row, places.root)
    told = (stale(places.root, commit, files) for commit in dict.fromkeys(map(commit_of, found)))
    return next(filter(None, told), "")


def stale_rows(rows: Mapping[str, Row], places: Places) -> list[str]:
    """Those to measure again, the shortest first."""
    kept = Kept.read(places, rows)
    names = [name for name, row in rows.items() if standing(row, kept.rows.get(name, []), places)]
    return sorted(names, key=lambda name: rows[name].minutes)


def listing(rows: Mapping[str, Row], kept: Kept, places: Places, console: Console) -> None:
    """Show them all, page by page."""
    told = {name: standing(row, kept.rows.get(name, []), places) for name, row in rows.items()}
    for page in dict.fromkeys(row.page for row in rows.values()):
        console.print(f"\n{page}", style="bold")
        for name, row in rows.items():
            if row.page == page:
                line = f"  {name:<31}{_measured(kept.rows.get(name, [])):<24}{row.minutes:>3.0f} min  "
                console.print(line + (told[name] or "as it was") + _needs(row), markup=False, highlight=False)
    old = [rows[name].minutes for name, reason in told.items() if reason]
    files = sum(len(kept_files(name, row, places)) for name, row in rows.items())
    console.print(f"\n{len(rows)} rows of {files} files; {len(old)} to measure again, {sum(old):.0f} minutes: --stale")


def _measured(found: list[Found]) -> str:
    """The last day, and the commit; "..." where there are more."""
    if not found:
        return ""
    commits = dict.fromkeys(commit_of(one)[:10] + "+" * commit_of(one).endswith(CHANGES) for one in found)
    return f"{max(one['date'] for one in found)} {next(iter(commits))}{'...' * (len(commits) > 1)}"


def _needs(row: Row) -> str:
    needs = [*row.needs, *(["corpora"] if row.corpora else []), *(["heads"] if row.heads else [])]
    return f"; needs {', '.join(needs)}" if needs else ""
