"""Densities: the posterior and priors of z, the normal density of v, bits per dimension."""
