"""What the page has to know of a model, read from its signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tfwolf.serving.signature_defs import Signature

# Pixels of all images that one request may make the model compute, and how many images at most.
PIXELS_AT_ONCE = 2**21
IMAGES_AT_ONCE = 100

NEEDED = ('sample', 'interpolate', 'bits_per_dim')


class Description(NamedTuple):
    """A model as the page sees it.

    Attributes:
        image_shape: (height, width, channels).
        latent_dim: size of z; 0 without z.
        num_bits: bits per channel that the model keeps; None if not known.
        is_labelled: whether images come with a class.
        num_classes: None if there are none or their number is not known.
        has_temperature_z: whether z is drawn from noise when sampling.
        max_images: images that one request may ask for.
    """

    image_shape: tuple[int, int, int]
    latent_dim: int
    num_bits: int | None
    is_labelled: bool
    num_classes: int | None
    has_temperature_z: bool
    max_images: int


def describe(
    signatures: Mapping[str, Signature], num_bits: int | None = None, num_classes: int | None = None
) -> Description:
    """Returns the `Description` of a model.

    Args:
        signatures: `{name: tfwolf.serving.c_api.Signature}`.
        num_bits: bits per channel, where known.
        num_classes: where known.

    Raises:
        ValueError: if these are not the signatures of a model of images that a page can show.
    """
    missing = [name for name in NEEDED if name not in signatures]
    if missing:
        raise ValueError(
            f'This is no model that tfwolf exported: it has no signature {", ".join(missing)}; it '
            'has '
            f'{", ".join(sorted(signatures)) or "none"}.'
        )
    image_shape = signatures['sample'].outputs['images'].shape[1:]
    if len(image_shape) != 3 or None in image_shape or image_shape[2] not in (1, 3):
        raise ValueError(
            "The page shows images of fixed size with 1 or 3 channels; the model's have the "
            f'shape {list(image_shape)}.'
        )
    sampling, mixing = signatures['sample'].inputs, signatures['interpolate'].inputs
    has_z = 'alphas' in mixing
    latent_dim = (
        signatures['encode'].outputs['z'].shape[-1]
        if has_z and 'encode' in signatures
        else int(has_z)
    )
    height, width, _ = image_shape
    return Description(
        tuple(image_shape),
        latent_dim,
        num_bits,
        'labels' in sampling,
        num_classes,
        'temperature_z' in sampling,
        min(IMAGES_AT_ONCE, max(4, PIXELS_AT_ONCE // (height * width))),
    )
