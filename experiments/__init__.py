"""The commands, one file each (`python -m experiments.NAME`), and beside them what they are made of."""
