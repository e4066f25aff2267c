"""Files, folders and collections to songs, and which of them belong together."""
