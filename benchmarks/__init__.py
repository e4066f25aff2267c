"""What makes the figures and pictures in docs/."""
