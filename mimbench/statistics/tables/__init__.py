"""The tables that a report shows, one file for each."""
