"""Images: read, generated, audited and split by patient."""
