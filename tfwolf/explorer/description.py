"""Properties of a model that the page needs, read from its signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from tfwolf.serving.signature_defs import Signature

# Limits of one request: pixels of all images, and number of images.
PIXELS_AT_ONCE = 2**21
IMAGES_AT_ONCE = 100

NEEDED = ('sample', 'interpolate', 'bits_per_dim')


class SignatureCaller(Protocol):
    """Calls the signatures of a model: a `Servable` or a `RestServable`."""

    signatures: dict[str, Signature]

    def __call__(self, name: str, inputs: dict[str, np.ndarray], /) -> dict[str, np.ndarray]:
        """Return the outputs of a signature, `{name: array}`, for its inputs, `{name: array}`."""
        ...


class Details(NamedTuple):
    """Properties of a model that its SavedModel does not contain; None if they are unknown.

    Attributes:
        num_bits: bits per color value.
        num_classes: number of classes.
        classes: their names.
    """

    num_bits: int | None = None
    num_classes: int | None = None
    classes: Sequence[str] | None = None


class Description(NamedTuple):
    """Properties of a model.

    Attributes:
        image_shape: (height, width, channels).
        latent_dim: size of z; 0 without z.
        num_bits: bits per color value; None if unknown.
        is_labelled: whether images have a class.
        num_classes: number of classes; None without classes or if unknown.
        classes: their names; None if unknown.
        has_temperature_z: whether z is drawn from noise when sampling.
        max_images: largest number of images of a request.
    """

    image_shape: tuple[int, int, int]
    latent_dim: int
    num_bits: int | None
    is_labelled: bool
    num_classes: int | None
    classes: Sequence[str] | None
    has_temperature_z: bool
    max_images: int


def describe(signatures: Mapping[str, Signature], details: Details = Details()) -> Description:
    """Return the `Description` of a model.

    Args:
        signatures: `{name: tfwolf.serving.c_api.Signature}`.
        details: the `Details` of the model.

    Raises:
        ValueError: if the page cannot show images of a model with these signatures.
    """
    missing = [name for name in NEEDED if name not in signatures]
    if missing:
        raise ValueError(
            f'The model was not exported by tfwolf: it has no signature {", ".join(missing)}; '
            f'available: {", ".join(sorted(signatures)) or "none"}.'
        )
    shape = signatures['sample'].outputs['images'].shape[1:]
    sizes = [size for size in shape if size is not None]
    if len(shape) != 3 or len(sizes) != 3 or sizes[2] not in (1, 3):
        raise ValueError(
            'The page can show images of fixed size with 1 or 3 channels; the images of the model '
            f'have the shape {list(shape)}.'
        )
    height, width, channels = sizes
    sampling, mixing = signatures['sample'].inputs, signatures['interpolate'].inputs
    latent_dim = 0
    if 'alphas' in mixing:
        encoding = signatures.get('encode')
        # Without `encode` the size is unknown; only whether it is 0 matters then.
        latent_dim = (encoding and encoding.outputs['z'].shape[-1]) or 1
    return Description(
        (height, width, channels),
        latent_dim,
        details.num_bits,
        'labels' in sampling,
        details.num_classes,
        details.classes,
        'temperature_z' in sampling,
        min(IMAGES_AT_ONCE, max(4, PIXELS_AT_ONCE // (height * width))),
    )
