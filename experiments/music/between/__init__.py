"""A mix of two songs: the songs brought together, the heads of each, and the three ways between them."""
