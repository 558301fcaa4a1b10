"""From a run file to the three tables: plan, fit, score, keep."""
