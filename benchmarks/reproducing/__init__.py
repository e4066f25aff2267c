"""Rows of figures made again: their commands run, resumed, kept as JSON, and compared with the code of today."""
