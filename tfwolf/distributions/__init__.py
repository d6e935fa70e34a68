"""Densities: the posterior and priors of z, the normal density of v, bits per dimension."""

from tfwolf.core.quiet_tensorflow import import_tensorflow

import_tensorflow()
