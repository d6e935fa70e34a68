"""What a trained model does to images: codes, samples, switches, interpolations, directions,
compression.
"""

from tfwolf.core.quiet_tensorflow import import_tensorflow

import_tensorflow()
