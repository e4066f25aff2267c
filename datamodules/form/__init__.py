"""The form of a song: found, and told to a head event by event."""
