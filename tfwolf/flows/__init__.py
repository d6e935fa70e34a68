"""The flows of the papers, composed of bijectors: refined Glow, Glow, Real NVP, and where they
factor dimensions out.
"""

from tfwolf.core.quiet_tensorflow import import_tensorflow

import_tensorflow()
