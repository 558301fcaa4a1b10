"""The leaderboard: entries, marks, groups, and its forms."""
