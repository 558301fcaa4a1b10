"""Ranking metrics, intervals and comparisons, computed from the score tables alone."""
