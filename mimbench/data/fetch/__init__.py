"""Public data sets fetched by name, and where each one lies."""
