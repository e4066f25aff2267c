"""What new songs share with the training songs: found, told, and barred."""
