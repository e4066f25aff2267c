"""The speed and the memory of searches, openings and songs, measured."""
