"""One trial, in its worker: training, reports, weights."""
