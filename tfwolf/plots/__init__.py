"""Plots: each is a function of NumPy arrays that returns a matplotlib figure; no model calls."""
