"""Attributes as directions: what images with a label have in the mean and others do not, added in
steps (Glow, section 6).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.analysis.coder import Code, Coder, Decoded
from tfwolf.core import validate
from tfwolf.data.dataset import Split

CHUNK = 1024


class Direction(NamedTuple):
    """Mean code of the images with a label minus that of those without.

    Attributes:
        code: `Code` of one row; z is None for a model without z.
        num_with, num_without: how many images the means are of.
    """

    code: Code
    num_with: int
    num_without: int


def label_direction(coder: Coder, split: Split, label: int) -> Direction:
    """Returns the `Direction` of a label in the images of a `Split`, of z and of v.

    Args:
        coder: a `Coder`.
        split: labelled images; its mean codes are accumulated in float64, so it may be large.
        label: a class.

    Raises:
        ValueError: if the images have no labels, or all or none of them have this one.

    Reference: Kingma and Dhariwal, "Glow: Generative Flow with Invertible 1x1 Convolutions", 2018,
        arXiv:1807.03039, section 6.
    """
    counts, sums = np.zeros(2, int), [[0.0, 0.0], [0.0, 0.0]]
    for first in range(0, split.num_examples, CHUNK):
        examples = split.load(
            tf.range(first, min(first + CHUNK, split.num_examples), dtype=tf.int64)
        )
        labels = examples['label'].numpy()
        if (labels < 0).any():
            raise ValueError(
                f'An attribute needs class labels; image {first + int((labels < 0).argmax())} has '
                'none.'
            )
        code = coder.encode(examples['image'].numpy(), labels)
        for having in (0, 1):
            rows = (labels == label) == bool(having)
            counts[having] += rows.sum()
            for place, part in enumerate(code):
                if part is not None:
                    sums[place][having] = sums[place][having] + part[rows].sum(
                        axis=0, dtype=np.float64
                    )
    if not counts.all():
        raise ValueError(
            f'`label` must be that of some of the images and not of all; {counts[1]} of '
            f'{counts.sum()} have label {label}.'
        )
    dtype = coder.model.dtype.as_numpy_dtype
    z, v = ((of_part[1] / counts[1] - of_part[0] / counts[0]) for of_part in sums)
    code = Code(
        z[np.newaxis].astype(dtype) if coder.model.latent.has_z else None,
        v[np.newaxis].astype(dtype),
    )
    return Direction(code, int(counts[1]), int(counts[0]))


def along_direction(
    coder: Coder, code: Code, direction: Direction, of: str, num_steps: int, strength: float
) -> Decoded:
    """Returns the `Decoded` images of codes moved by t times a direction, for even t from -strength
    to strength; 0 is in the middle.

    Args:
        coder: a `Coder`.
        code: the `Code` of images.
        direction: a `Direction`.
        of: 'z' or 'v', which of them moves.
        num_steps: an odd number of at least 3.
        strength: the largest t; at 1 an image without the label moves as far as the two means are
            apart.

    Returns:
        `Decoded` with images `[num_images, num_steps, height, width, channels]` and finite
            `[num_images, num_steps]`.

    Raises:
        ValueError: if an argument breaks its rule, or the model has no z to move.
    """
    if validate.integer('num_steps', num_steps, minimum=3) % 2 == 0:
        raise ValueError(
            f'`num_steps` must be odd, so that the image itself is in the middle; got {num_steps}.'
        )
    validate.real('strength', strength, above=0)
    if of not in ('z', 'v') or getattr(code, of) is None:
        raise ValueError(f"`of` must be 'v', or 'z' for a model that has one; got {of!r}.")
    half = num_steps // 2
    steps = np.arange(-half, half + 1) * (strength / half)
    moved = [
        code._replace(
            **{of: (getattr(code, of) + t * getattr(direction.code, of)).astype(code.v.dtype)}
        )
        for t in steps
    ]
    images, finite = (
        np.stack(parts, axis=1) for parts in zip(*(coder.decode(*part) for part in moved))
    )
    return Decoded(images, finite)
