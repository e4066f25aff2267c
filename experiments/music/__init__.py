"""Heads and a prime song to a new song, and the song to what people hear and see."""
