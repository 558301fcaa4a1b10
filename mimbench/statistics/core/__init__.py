"""Numbers with intervals: influence functions, intervals, cautions, bootstrap."""
