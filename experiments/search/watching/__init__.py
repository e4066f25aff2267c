"""What the driver keeps and shows of a search while it runs."""
