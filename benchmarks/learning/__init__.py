"""What searches learn: the figures of docs/results.md."""
