"""MIDI to weighted windows. Knows nothing of Ray, Optuna, W&B, or of the networks that learn from the windows."""
