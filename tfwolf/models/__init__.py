"""Whole models: encoder, flow and prior joined, and how they are initialised."""

from tfwolf.core.quiet_tensorflow import import_tensorflow

import_tensorflow()
