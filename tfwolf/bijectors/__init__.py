"""Invertible layers, one a file; each is a `tfp.bijectors.Bijector`."""

from tfwolf.core.quiet_tensorflow import import_tensorflow

import_tensorflow()
