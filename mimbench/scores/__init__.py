"""The three tables of a run, their schema, and the digests of its files."""
