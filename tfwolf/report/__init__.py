"""One page with all results of a run."""
