"""A song of the user's own in a new one: gone on with, or kept in part while the heads write around it."""
