"""The leaderboard: entries, marks, groups, and its forms.

There is one file for each form in which it is written (`terminal`, `formats`, ...), beside what
they have in common.
"""
