"""Windows to predictions. Knows nothing of Ray, Optuna, W&B, MIDI, or of where the windows come from.

`config` is light; every other file here imports torch.
"""
