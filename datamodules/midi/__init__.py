"""MIDI files: read behind guards, and written."""
