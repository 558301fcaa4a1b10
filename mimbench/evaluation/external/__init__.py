"""Images of another site: scored by the fits of a run."""
