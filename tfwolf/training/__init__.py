"""Training: devices, optimizer, step, loop, checkpoints, summaries."""

from tfwolf.core.quiet_tensorflow import import_tensorflow

import_tensorflow()
