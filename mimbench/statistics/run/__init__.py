"""Statistics of one run: rows, comparisons, retraining, thresholds."""
