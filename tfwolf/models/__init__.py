"""Whole models: encoder, flow and prior joined, and how they are initialised."""
