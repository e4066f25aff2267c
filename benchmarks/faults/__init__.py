"""What can go wrong in a search, provoked: `python -m benchmarks.faults`."""
