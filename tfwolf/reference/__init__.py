"""Models of the authors' program: read their configurations and weights, and compare outputs."""
