"""Statistics of one run: rows, comparisons, retraining, thresholds.

There is a file for each quantity and each source of variance. They build on each other, from
`layout` (arrays) to `comparisons` (tests of differences); folders would separate what belongs
together.
"""
