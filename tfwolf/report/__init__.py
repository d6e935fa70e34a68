"""The report: one page with all results of a run."""
