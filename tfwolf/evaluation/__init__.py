"""What a trained model is worth and what it shows: likelihood and picture grids."""

from tfwolf.core.quiet_tensorflow import import_tensorflow

import_tensorflow()
