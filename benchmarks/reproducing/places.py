"""Where a row reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Places"]


@dataclass(frozen=True)
class Places:
    """Folders.

    Attributes:
        results: of the JSON that is kept, a folder a group.
        docs: of the pages.
        work: of runs and logs, and of what a row that was killed goes on from.
        corpora: of the songs.
        root: the checkout, whose code runs.
    """

    results: Path
    docs: Path
    work: Path
    corpora: Path
    root: Path

    def quick(self) -> Places:
        """The same for small rows, of which nothing stands outside the working folder."""
        work = self.work / "quick"
        return Places(work / "results", work / "docs", work / "rows", self.corpora, self.root)
