"""Invertible layers, one a file; each is a `tfp.bijectors.Bijector`."""
