"""What W&B and TensorBoard hear of a search."""
