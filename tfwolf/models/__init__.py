"""Whole models: encoder, flow and prior joined, and how they are initialized."""

from tfwolf.core.quiet_tensorflow import import_tensorflow

import_tensorflow()
