"""The page that `report` writes: songs, searches, winners and music of a run, in one file that needs no other."""
