"""The search: the only code that imports Ray."""

import os
import sys
from pathlib import Path


def _use_token() -> None:
    """Use this user's token for Ray clusters (`ray get-auth-token`), if there is one.

    Ray 2.60 does so by itself for a Ray of its own and for "auto", but not for an address; and it settles the mode when
    it is imported, so that a later word only breaks it.
    """
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token").expanduser()
    if "ray" not in sys.modules and (os.environ.get("RAY_AUTH_TOKEN") or path.is_file()):
        os.environ.setdefault("RAY_AUTH_MODE", "token")


_use_token()
