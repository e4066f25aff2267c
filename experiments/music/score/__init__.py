"""A song as a score, for notation programs."""
