"""Keras on TensorFlow. All modules of tfwolf import Keras from here.

The package sets KERAS_BACKEND when it is imported, so that neither this variable nor keras.json
choose another backend. The other settings of keras.json (floatx, image_data_format) are defaults of
layers. The layers of tfwolf do not use them; for those of Keras there is `default_settings`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

BACKEND = 'tensorflow'
_ADVICE = (
    f'Import tfwolf before Keras and TensorFlow, or set the environment variable '
    f'KERAS_BACKEND={BACKEND}.'
)

try:
    import keras as keras
except (ImportError, ValueError) as error:  # also of the module of another backend
    raise RuntimeError(
        f'tfwolf needs Keras with the backend {BACKEND!r}, and Keras cannot be imported: {error}. '
        f'{_ADVICE}'
    ) from error
if keras.config.backend() != BACKEND:
    raise RuntimeError(
        f'tfwolf needs Keras with the backend {BACKEND!r}, but this program has imported Keras '
        f'with the backend {keras.config.backend()!r}, which cannot be changed afterwards. '
        f'{_ADVICE}'
    )


@contextlib.contextmanager
def default_settings() -> Iterator[None]:
    """Use the settings that Keras has without keras.json within a `with` block."""
    config = keras.config
    kept = config.floatx(), config.image_data_format(), config.dtype_policy()
    try:
        config.set_floatx('float32')
        config.set_image_data_format('channels_last')
        config.set_dtype_policy('float32')
        yield
    finally:
        config.set_floatx(kept[0])
        config.set_image_data_format(kept[1])
        config.set_dtype_policy(kept[2])
