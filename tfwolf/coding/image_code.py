"""Any number of images as one stack: the first ones by WebP, the others in groups that grow."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from tfwolf.coding.bits_back import BitsBack, check_model
from tfwolf.coding.first_images import decode_first, encode_first
from tfwolf.coding.stack import Stack
from tfwolf.core import validate
from tfwolf.core.progress import progress_bar
from tfwolf.data import preprocess
from tfwolf.models.wolf import Wolf

FRACTION_BITS, NOISE_BITS = 12, 4
SCALE_BITS = 12
GROUP_SIZE = 32
# Bits of a stack that has run empty, at most.
EMPTY = 64


@dataclasses.dataclass(frozen=True)
class ImageCode:
    """Coded images.

    Attributes:
        fraction_bits, scale_bits: as in `BitsBack`.
        first: (name of the code, number of images, bytes) of the images that start the stack.
        groups: numbers of images that were pushed at once, in this order.
        payload: the bytes of the stack.
    """

    fraction_bits: int
    scale_bits: int
    first: tuple[str, int, int]
    groups: list[int]
    payload: bytes

    @property
    def num_images(self) -> int:
        """Number of images."""
        return self.first[1] + sum(self.groups)


def encode_images(
    model: Wolf,
    images: np.ndarray,
    fraction_bits: int | None = None,
    scale_bits: int = SCALE_BITS,
    group_size: int = GROUP_SIZE,
    show_progress: bool = False,
) -> ImageCode:
    """Return the `ImageCode` of images.

    The first images are coded by WebP. Their bytes are what the others take bits from: as many as
    one image needs. Groups are as large as the bits on the stack allow.

    Args:
        model: an initialized `Wolf`.
        images: uint8 or uint16 `[n, height, width, channels]`, at the model's number of bits.
        fraction_bits: k, as in `BitsBack`; None for 12, or for 4 more than the bits of a color.
        scale_bits: h, as in `BitsBack`.
        group_size: most images that are coded at once.
        show_progress: whether to show a progress bar for work that takes more than 3 seconds.

    Raises:
        ValueError: if the model cannot be coded, an argument is out of range, or an image has other
            values than the model's bins.
    """
    check_model(model)
    if fraction_bits is None:
        fraction_bits = max(FRACTION_BITS, model.color_bits + NOISE_BITS)
    coder = BitsBack(model, fraction_bits, scale_bits)
    validate.integer('group_size', group_size, minimum=1)
    images = _checked(model, images)
    bins = preprocess.to_bins(images, model.color_bits).numpy()
    kind, start, count = '', b'', 0
    while count < len(images) and 8 * len(start) < coder.bits_in_use:
        count += 1
        kind, start = encode_first(images[:count], bins[:count], model.color_bits)
    stack, groups = Stack(start), []
    with _bar(len(images), count, 'Compressing', show_progress) as bar:
        for first, end in _groups(stack, count, len(images), coder.bits_in_use, group_size):
            coder.push(stack, images[first:end])
            groups.append(end - first)
            bar.update(end - first)
    return ImageCode(fraction_bits, scale_bits, (kind, count, len(start)), groups, stack.to_bytes())


def decode_images(model: Wolf, code: ImageCode, show_progress: bool = False) -> np.ndarray:
    """Return the images of an `ImageCode`, `[n, height, width, channels]`.

    Args:
        model: the `Wolf` that they were coded with.
        code: the `ImageCode`.
        show_progress: as in `encode_images`.

    Raises:
        ValueError: if the code does not fit the model.
    """
    coder = BitsBack(model, code.fraction_bits, code.scale_bits)
    stack, parts = Stack.from_bytes(code.payload), []
    with _bar(code.num_images, code.first[1], 'Decompressing', show_progress) as bar:
        for group in reversed(code.groups):
            parts.append(coder.pop(stack, group))
            bar.update(group)
    kind, count, size = code.first
    shape = (count, *model.image_shape)
    start = stack.content()[:size]
    parts.append(decode_first(kind, start, shape, model.color_bits, coder.images_of_bins))
    return np.concatenate(parts[::-1])


def _groups(
    stack: Stack, first: int, end: int, bits_in_use: int, group_size: int
) -> Iterator[tuple[int, int]]:
    """Yield (first, end) of groups, each as large as the stack of the earlier ones allows.

    Where the stack runs empty, the missing bits are zeros that become part of the code, a waste.
    What an image takes at most before it gives it back is learned from the earlier groups.
    """
    learned = 0
    while first < end:
        before = stack.lowest = stack.num_bits
        affordable = before // (learned or bits_in_use)
        group = min(max(affordable, 1), group_size, end - first)
        yield first, first + group
        taken = (before - stack.lowest) // group
        ran_empty = stack.lowest < EMPTY
        learned = max(learned, taken + (taken // 4 if ran_empty else 1))
        first += group


def _checked(model: Wolf, images: np.ndarray) -> np.ndarray:
    images = preprocess.checked_images(
        np.asarray(images), model.image_shape, model.values.image_type
    ).numpy()
    if not len(images):
        raise ValueError('`images` must contain at least one image; got none.')
    other = (preprocess.at_num_bits(images, model.color_bits).numpy() != images).any((1, 2, 3))
    if other.any():
        raise ValueError(
            f'`images` must have at most {model.color_bits} bits per color value, the bins of the '
            f'model, for nothing may be lost; image {int(np.argmax(other))} (from 0) has other '
            'values.'
        )
    return images


def _bar(total: int, done: int, description: str, shown: bool):
    return progress_bar(total, done, description, 'image', shown, delay=3)
