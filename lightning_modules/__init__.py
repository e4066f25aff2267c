"""Windows to predictions. Knows nothing of Ray, Optuna, W&B, MIDI, or of where the windows come from.

`config`, `bounds`, `backbones` and `registry` are light; every other file here imports torch.
"""
