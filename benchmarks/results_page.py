"""docs/results.md out of the JSON under benchmarks/results/."""

from pathlib import Path


def write_page(folder: Path, page: Path) -> None:
    """Write the page."""
