"""The sections of the page, one file for each."""
