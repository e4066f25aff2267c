"""A song event by event: what the heads hear, say and draw."""
