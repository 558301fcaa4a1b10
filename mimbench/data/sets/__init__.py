"""Public data sets of skin photos: what each holds, under which licence, with which faults."""
