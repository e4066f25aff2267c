"""The search: the only code that imports Ray."""
