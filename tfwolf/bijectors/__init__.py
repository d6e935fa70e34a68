"""Invertible layers, one per file; each is a `tfp.bijectors.Bijector`."""
