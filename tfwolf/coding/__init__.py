"""Lossless compression: integers through an invertible flow, bits back, files of images."""

from tfwolf.core.quiet_tensorflow import import_tensorflow

import_tensorflow()
