"""Metrics on features of images: linear probes and Frechet distances."""
