"""Runs: configure, train, load and evaluate a model, from Python and from the commands."""
