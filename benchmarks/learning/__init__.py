"""What searches learn: the figures of docs/results.md."""

__all__ = ["RIVAL"]

RIVAL = "fresh"  # a run beside a row's own, which is held against it and counts in none of its minutes
