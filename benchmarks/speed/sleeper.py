"""A trial that sleeps, in a file of its own: whoever runs it imports nothing else, on either side of a comparison."""

from __future__ import annotations

import os
import time
from typing import Any

__all__ = ["sleep"]


def sleep(config: dict[str, Any], settings: Any = None) -> None:
    """Sleep as many seconds as the environment's SLEEP says, and report once."""
    from ray import tune

    seconds = float(os.environ["SLEEP"])
    time.sleep(seconds)
    own = {"epoch": 1, "updates": 0, "best": 0.0, "best_epoch": 1, "seconds": seconds}
    tune.report({"epoch": 1, "best": 0.0, "reports": [{**own, "figures": {"valid": 0.0}}]})
