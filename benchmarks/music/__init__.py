"""Songs that were written, judged: their form, what they repeat and copy, and where they stand."""
