"""Numbers that compare features: linear probes and Frechet distances."""
