"""Where a search runs: the cluster, and whether its machines share a storage."""
