"""Nothing of a search is written through a link in its run, which may be a stranger's: it would lead to a file of ours.

Ray, pyarrow and W&B follow links where they write, and wait for the reader of a pipe.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from datamodules.errors import UserError
from experiments.run_folder import Run

__all__ = ["clear_links", "refuse_links"]


def refuse_links(run: Run, heads: Iterable[str]) -> None:
    """Let no search begin whose folders lead out of the run. They are not removed: what a user's own leads to is kept.

    Raises:
        UserError: one is a link.
    """
    folders = [run.path / "wandb", *(folder for head in heads for folder in (run.head(head), run.head(head) / "tune"))]
    for folder in folders:
        if folder.is_symlink():
            raise UserError(f"{folder} is a link, and nothing of a run is written through one: put a folder there")


def clear_links(folder: Path) -> None:
    """Remove what is neither file nor folder from Ray's folder and the trials' folders in it."""
    for level in ("*", "*/*"):  # the first before the second, which would look through links
        for path in list(folder.glob(level)):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                path.unlink()
