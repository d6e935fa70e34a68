"""Densities: the posterior and the priors of z, the normal density of v, and bits per dimension."""
