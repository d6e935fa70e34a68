"""Images: where they come from, the order they come in, and their pixels as numbers."""

from tfwolf.core.quiet_tensorflow import import_tensorflow

import_tensorflow()
