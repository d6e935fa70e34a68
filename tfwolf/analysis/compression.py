"""Conceptual compression: what is left of an image when only the coarsest part of v is kept (Real
NVP, appendix D).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.analysis.coder import Code, Coder
from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import Composite
from tfwolf.bijectors.multiscale import MultiScaleSplit
from tfwolf.core.image_noise import DROPPED, image_seeds, normal_per_image


class Compressed(NamedTuple):
    """Images of which only a part of v was kept.

    Attributes:
        fractions: `[num_fractions]`, how much of v was kept, from 1 downwards.
        images: uint8 `[num_fractions, num_images, height, width, channels]`.
        finite: bool `[num_fractions, num_images]`, as in `Decoded`.
    """

    fractions: list[float]
    images: np.ndarray
    finite: np.ndarray


def departures(flow: FlowBijector, image_shape: Sequence[int]) -> np.ndarray:
    """Returns for each place of v how many factor-outs it went on past, integers `[height, width,
    channels]`; 0 left first.

    Args:
        flow: a flow of images.
        image_shape: (height, width, channels).
    """

    def walk(layer, x, depth):
        if not isinstance(layer, Composite):
            # At least: a layer that comes after all levels leaves each place the depth that it has.
            return tf.maximum(x, float(depth))
        if isinstance(layer, MultiScaleSplit) and layer.factors_out:
            return layer.walk(
                lambda name, inner, part: walk(
                    inner, tf.fill(tf.shape(part), depth + 1.0), depth + 1
                ),
                x,
            )
        return layer.walk(lambda name, inner, part: walk(inner, part, depth), x)

    return walk(flow, tf.zeros([1, *image_shape]), 0)[0].numpy().astype(int)


def kept_fractions(depth: np.ndarray) -> list[float]:
    """Returns the shares of v that can be kept whole, from 1 to that of the last level, for the
    `departures` of its places.
    """
    return [float((depth >= least).mean()) for least in range(depth.max() + 1)]


def compress(coder: Coder, code: Code, seed: int | None = None) -> Compressed:
    """Returns the `Compressed` images of a code, whose z is kept.

    What left early is the finest detail, and goes first.

    Args:
        coder: a `Coder`.
        code: the `Code` of the images.
        seed: integer: what is not kept is drawn anew from a standard normal distribution, for image
            i a function of the seed and i alone; None: it is zero.

    Raises:
        ValueError: if the flow factors nothing out.

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017,
        arXiv:1605.08803, appendix D.
    """
    depth = departures(coder.model.flow, coder.model.image_shape)
    if not depth.max():
        raise ValueError(
            'The flow factors nothing out, so no part of v is coarser than another; there is '
            'nothing to compress by.'
        )
    rest = np.zeros_like(code.v)
    if seed is not None:
        rest = normal_per_image(
            code.v.shape[1:], image_seeds(seed, len(code.v)), DROPPED, coder.model.dtype
        ).numpy()
    decoded = [
        coder.decode(code.z, np.where(depth >= least, code.v, rest))
        for least in range(depth.max() + 1)
    ]
    images, finite = (np.stack(parts) for parts in zip(*decoded))
    return Compressed(kept_fractions(depth), images, finite)
