"""Whether runs go to W&B's server, stay on this disk, or are left out: from --wandb, the environment and the key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

__all__ = ["Mode", "has_key", "resolve_mode"]

Mode = Literal["auto", "online", "offline", "off"]


def resolve_mode(mode: Mode) -> Literal["online", "offline", "off"]:
    """What "auto" means here: WANDB_MODE if it is set, online with a key, else offline."""
    if mode != "auto":
        return mode
    told = os.environ.get("WANDB_MODE")
    if told in ("online", "offline"):
        return told  # type: ignore[return-value]
    if told in ("disabled", "dryrun"):
        return "off" if told == "disabled" else "offline"
    return "online" if has_key() else "offline"


def has_key() -> bool:
    """Whether W&B would find a key: in the environment, or where `wandb login` has put it."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    netrc = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "")).hostname or "wandb"
    try:
        text = netrc.read_text()
    except (OSError, ValueError):
        return False
    return "wandb" in text or host in text
