"""Images: read, generated, audited and split by patient.

Files beside each other are what a whole data set is asked for (`dataset`, `splits`, `roles`, ...).
What reads, generates or audits pictures has a package of its own.
"""
