"""Evaluation of a model on a split: likelihood, unusual images and numerical checks."""
