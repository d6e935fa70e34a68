"""Networks inside flows and encoders: weight norm, batch norm, residual blocks, coupling nets."""

from tfwolf.core.quiet_tensorflow import import_tensorflow

import_tensorflow()
