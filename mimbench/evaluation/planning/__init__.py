"""From run file and flags to the list of fits and conditions."""
