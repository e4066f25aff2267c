"""A template with its styles and scripts to one HTML file that needs no other; what is filled in is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

__all__ = ["filled"]

HERE = Path(__file__).parent


def filled(template: str, *, styles: Sequence[str], scripts: Sequence[str], **values: Any) -> str:
    """The page.

    Args:
        template, styles, scripts: names of files in this folder.
        values: what the template tells.
    """
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    css, script = (Markup("\n".join((HERE / name).read_text() for name in names)) for names in (styles, scripts))
    return environment.get_template(template).render(css=css, script=script, **values)
