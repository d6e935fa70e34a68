"""Attributes as directions in z and v: mean code with a mark minus mean code without it.

The mark is a class label or a binary attribute.

See Glow, section 6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.analysis.coder import Coder, Decoded
from tfwolf.analysis.image_code import AnyCode, Code
from tfwolf.core import validate
from tfwolf.data.dataset import Batch, Split

# Images that are in memory at a time.
CHUNK = 1024


class Direction(NamedTuple):
    """Mean code of the images with a label or an attribute minus that of those without.

    Attributes:
        code: `Code` of one row; z is None for a model without z.
        num_with: number of images with it.
        num_without: number of images without it.
    """

    code: Code
    num_with: int
    num_without: int


def label_direction(coder: Coder, split: Split, label: int) -> Direction:
    """Return the `Direction` of a label in z and v, computed from the images of a split.

    Args:
        coder: a `Coder`.
        split: a `Split` with labels; codes are summed in float64 and not kept, so it may be large.
        label: a class.

    Raises:
        ValueError: if the images have no labels, or all or none of them have this label.

    Reference: Kingma and Dhariwal, "Glow: Generative Flow with Invertible 1x1 Convolutions", 2018,
        arXiv:1807.03039, section 6.
    """

    def has_label(examples: Batch, first: int) -> np.ndarray:
        labels = examples['label'].numpy()
        if (labels < 0).any():
            raise ValueError(
                'A direction requires a class label for every image; image '
                f'{first + int((labels < 0).argmax())} has none.'
            )
        return labels == label

    return _direction(coder, split, has_label, f'have label {label}', '`label`')


def attribute_direction(coder: Coder, split: Split, number: int, name: str) -> Direction:
    """Return the `Direction` of a binary attribute in z and v.

    Args:
        coder: a `Coder`.
        split: a `Split` with attributes, as in `label_direction`.
        number: column of the attribute.
        name: its name, for messages.

    Raises:
        ValueError: if all or none of the images have the attribute.
    """

    def has_attribute(examples: Batch, first: int) -> np.ndarray:
        return examples['attributes'].numpy()[:, number]

    return _direction(coder, split, has_attribute, f'have {name}', '`attribute`')


def _direction(
    coder: Coder,
    split: Split,
    find: Callable[[Batch, int], np.ndarray],
    what: str,
    argument: str,
) -> Direction:
    """Return the `Direction` of the images for which `find` of (examples, number) is true."""
    counts, sums = np.zeros(2, int), [[0.0, 0.0], [0.0, 0.0]]
    for first in range(0, split.num_examples, CHUNK):
        examples = split.load(
            tf.range(first, min(first + CHUNK, split.num_examples), dtype=tf.int64)
        )
        marked = find(examples, first)
        code = coder.encode(examples['image'].numpy(), examples['label'].numpy())
        for having in (0, 1):
            rows = marked == bool(having)
            counts[having] += rows.sum()
            for place, part in enumerate((code.z, code.v)):
                if part is not None:
                    sums[place][having] = sums[place][having] + part[rows].sum(
                        axis=0, dtype=np.float64
                    )
    if not counts.all():
        raise ValueError(
            f'{argument} must be that of some images but not of all; {counts[1]} of '
            f'{counts.sum()} {what}. Use more images, or another one.'
        )
    dtype = coder.model.dtype.as_numpy_dtype
    z, v = (
        np.asarray(of_part[1] / counts[1] - of_part[0] / counts[0], dtype)[np.newaxis]
        for of_part in sums
    )
    code = Code(z if coder.model.latent.has_z else None, v)
    return Direction(code, int(counts[1]), int(counts[0]))


def along_direction(
    coder: Coder, code: AnyCode, direction: Direction, of: str, num_steps: int, strength: float
) -> Decoded:
    """Return the `Decoded` images of codes moved by t times a direction.

    t takes evenly spaced values from -strength to strength; 0 is in the middle.

    Args:
        coder: a `Coder`.
        code: the `Code` of images.
        direction: a `Direction`.
        of: the part that is moved, 'z' or 'v'.
        num_steps: number of values of t, odd and at least 3.
        strength: the largest t; 1 moves an image without the label by the distance of the means.

    Returns:
        `Decoded` with images `[num_images, num_steps, height, width, channels]` and finite
            `[num_images, num_steps]`.

    Raises:
        ValueError: if an argument is invalid, or z is to be moved and the model has none.
    """
    if validate.integer('num_steps', num_steps, minimum=3) % 2 == 0:
        raise ValueError(
            f'`num_steps` must be odd, so that the image itself is in the middle; got {num_steps}.'
        )
    validate.real('strength', strength, above=0)
    if of not in ('z', 'v') or getattr(code, of) is None:
        raise ValueError(f"`of` must be 'v', or 'z' for a model with a z; got {of!r}.")
    half = num_steps // 2
    steps = np.arange(-half, half + 1) * (strength / half)
    moved = [
        code._replace(
            **{of: (getattr(code, of) + t * getattr(direction.code, of)).astype(code.v.dtype)}
        )
        for t in steps
    ]
    images, finite = (
        np.stack(parts, axis=1)
        for parts in zip(*(coder.decode(**part._asdict()) for part in moved))
    )
    return Decoded(images, finite)
