"""What `explore` tells of the songs: figures, tables, pictures."""
