"""The tables that a report shows, one file for each.

There are more files than in other packages because a run has many tables. Most of them know
nothing of the others.
"""
