"""Runs: what is configured, trained and found again in a folder, from Python and from the commands."""
