"""What heads predict: chord tokens, chords pitch by pitch, numbers on a grid, a Laplace, a length for each note."""
