"""The pages and the pictures in docs/ that are made, not written."""
