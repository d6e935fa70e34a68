"""Numbers that compare features: linear probes and Frechet distances."""

from tfwolf.core.quiet_tensorflow import import_tensorflow

import_tensorflow()
