"""What a search may draw: a plain define-by-run function a head, from a trial to hyperparameters.

A space gives only what it draws; `fixing.complete` adds what a user fixed and the defaults. Knows the heads'
hyperparameters (`lightning_modules.config`), and neither Optuna nor Ray nor torch.
"""

from search_spaces.fixing import complete
from search_spaces.presets import PRESETS
from search_spaces.trial import Space, Trial

__all__ = ["PRESETS", "Space", "Trial", "complete"]
