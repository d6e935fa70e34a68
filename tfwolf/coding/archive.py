"""Lossless compression of images with a model: the public functions, and what they check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.coding import container
from tfwolf.coding.fingerprint import model_hash, out_of_step, pixel_hash, software_versions
from tfwolf.coding.image_code import (
    GROUP_SIZE,
    SCALE_BITS,
    ImageCode,
    decode_images,
    encode_images,
)
from tfwolf.core.extras import require_extra
from tfwolf.models.wolf import Wolf

FIELDS = {
    'model': str,
    'versions': dict,
    'image_shape': list,
    'num_bits': int,
    'fraction_bits': int,
    'scale_bits': int,
    'first': list,
    'groups': list,
    'pixels': str,
    'names': (list, type(None)),
}


class Archive(NamedTuple):
    """Decompressed images.

    Attributes:
        images: `[n, height, width, channels]`.
        names: one for each image, or None.
    """

    images: np.ndarray
    names: list[str] | None


class Description(NamedTuple):
    """The parts of compressed images.

    Attributes:
        num_images: number of images.
        names: their names, or None.
        num_first: number of images that are coded without the model, and start the stack.
        first_bytes: their bytes, a part of the payload.
        payload_bytes: bytes of all images.
    """

    num_images: int
    names: list[str] | None
    num_first: int
    first_bytes: int
    payload_bytes: int


def compress_images(
    model: Wolf,
    images: np.ndarray,
    names: Sequence[str] | None = None,
    fraction_bits: int | None = None,
    scale_bits: int = SCALE_BITS,
    group_size: int = GROUP_SIZE,
    verify: bool = True,
    show_progress: bool = False,
) -> bytes:
    """Return images losslessly compressed with a model, at the bits of its bound.

    The result is decompressed on the same kind of machine with the same model and the same versions
    of the software: floating-point numbers of the networks must be the same.

    Args:
        model: an initialized `Wolf` of color values without condition or labels.
        images: uint8 (uint16 above 8 bits), `[n, height, width, channels]`, with values of at most
            the model's number of bits.
        names: texts that are stored with the images, one each; None for none.
        fraction_bits: bits of all values after the binary point; None for 12, or 4 more than the
            bits of a color.
        scale_bits: bits of scales, 8 to 16.
        group_size: most images that are coded at once.
        verify: whether to decompress the result and compare.
        show_progress: whether to show a progress bar for work that takes more than 3 seconds.

    Raises:
        ValueError: if the model or an image cannot be coded, an argument is invalid, or the extra
            `compress` is not installed; the message says why.
        RuntimeError: if the result does not decompress to the images.

    Reference: Zhang, Kang, Ryder and Li, "iFlow: Numerically Invertible Flows for Efficient
        Lossless Compression via a Uniform Coder", NeurIPS 2021, arXiv:2111.00965.

    >>> run = tfwolf.load('pretrained:digits')
    >>> images = run.dataset.split('test').load(tf.range(4, dtype=tf.int64))['image'].numpy()
    >>> content = tfwolf.compress_images(run.model, images)
    >>> bool(np.all(tfwolf.decompress_images(run.model, content) == images))
    True
    """
    if names is not None and len(names) != len(images):
        raise ValueError(
            f'`names` must have one name for each image, {len(images)}; got {len(names)}.'
        )
    code = encode_images(model, images, fraction_bits, scale_bits, group_size, show_progress)
    images = np.asarray(images)
    header = {
        'model': model_hash(model),
        'versions': software_versions(),
        'image_shape': list(model.image_shape),
        'num_bits': model.color_bits,
        'fraction_bits': code.fraction_bits,
        'scale_bits': code.scale_bits,
        'first': list(code.first),
        'groups': code.groups,
        'pixels': pixel_hash(images),
        'names': None if names is None else [str(name) for name in names],
    }
    content = container.pack(header, code.payload)
    if verify:
        try:
            unpack_images(model, content, show_progress)
        except ValueError as error:
            raise RuntimeError(
                'The compressed images do not decompress to the images; nothing was written. The '
                'networks do not compute the same numbers twice on this machine. '
                f'({error})'
            ) from error
    return content


def decompress_images(model: Wolf, content: bytes, show_progress: bool = False) -> np.ndarray:
    """Return the images of `compress_images`, `[n, height, width, channels]`.

    Args:
        model: the `Wolf` that they were compressed with.
        content: the result of `compress_images`.
        show_progress: whether to show a progress bar for work that takes more than 3 seconds.

    Raises:
        ValueError: if the content is damaged, the model is another one, or its networks compute
            other numbers on this machine.
    """
    return unpack_images(model, content, show_progress).images


def unpack_images(model: Wolf, content: bytes, show_progress: bool = False) -> Archive:
    """Return the `Archive` of `compress_images`; arguments and errors as in `decompress_images`."""
    require_extra('compress')
    header, payload = _unpack(content)
    found = header['model']
    if found != model_hash(model):
        raise ValueError(
            'The images were compressed with another model: its weights have the hash '
            f'{found}, those of this model {model_hash(model)}. Give the same run, checkpoint and '
            'weights.'
        )
    code = ImageCode(
        header['fraction_bits'],
        header['scale_bits'],
        tuple(header['first']),
        header['groups'],
        payload,
    )
    try:
        images = decode_images(model, code, show_progress)
        same = pixel_hash(images) == header['pixels']
    # A stack that is out of step gives values that nothing expects.
    except (ValueError, OSError, tf.errors.OpError) as error:
        raise ValueError(out_of_step(header['versions'])) from error
    if not same:
        raise ValueError(out_of_step(header['versions']))
    return Archive(images, header['names'])


def describe(content: bytes) -> Description:
    """Return the `Description` of the result of `compress_images`.

    Raises:
        ValueError: if it is damaged.
    """
    header, payload = _unpack(content)
    _, num_first, first_bytes = header['first']
    return Description(
        num_first + sum(header['groups']), header['names'], num_first, first_bytes, len(payload)
    )


def _unpack(content: bytes) -> tuple[dict[str, Any], bytes]:
    header, payload = container.unpack(content)
    for field, kind in FIELDS.items():
        if not isinstance(header.get(field), kind):
            raise ValueError(f'The header of the file is incomplete: {field} is missing.')
    return header, payload
