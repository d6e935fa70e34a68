"""Conceptual compression: images from the coarsest part of v alone (Real NVP, appendix D)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.analysis.coder import Coder
from tfwolf.analysis.image_code import AnyCode
from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import Composite
from tfwolf.bijectors.multiscale import MultiScaleSplit
from tfwolf.core.image_noise import DROPPED, image_seeds, normal_per_image


class Compressed(NamedTuple):
    """Images of which only a part of v was kept.

    Attributes:
        fractions: `[num_fractions]`, the fraction of v that was kept, in descending order from 1.
        images: uint8 `[num_fractions, num_images, height, width, channels]`.
        finite: bool `[num_fractions, num_images]`, as in `Decoded`.
    """

    fractions: list[float]
    images: np.ndarray
    finite: np.ndarray


def departures(flow: FlowBijector, image_shape: Sequence[int]) -> np.ndarray:
    """Return how many factor-outs each element of v passed, integers `[height, width, channels]`.

    Elements with 0 were factored out first.

    Args:
        flow: a flow of images.
        image_shape: (height, width, channels).
    """

    def walk(layer: FlowBijector, x: tf.Tensor, depth: int) -> tf.Tensor:
        if not isinstance(layer, Composite):
            # A maximum, because a layer after all levels must not change the depth of any element.
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
    """Return the fractions of v that consist of whole levels, from 1 down to the last level alone.

    Args:
        depth: `departures` of the elements of v.
    """
    return [float((depth >= least).mean()) for least in range(depth.max() + 1)]


def compress(coder: Coder, code: AnyCode, seed: int | None = None) -> Compressed:
    """Return the `Compressed` images of a code; z is kept and v is dropped level by level.

    A condition is kept, too. The elements that were factored out first hold the finest detail and
    are dropped first.

    Args:
        coder: a `Coder`.
        code: the `Code` of the images.
        seed: integer that the dropped part of v is drawn with, from a standard normal distribution
            and for image i as a function of the seed and i alone; None sets it to zero.

    Raises:
        ValueError: if the flow factors nothing out.

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017,
        arXiv:1605.08803, appendix D.
    """
    depth = departures(coder.model.flow, coder.model.image_shape)
    if not depth.max():
        raise ValueError(
            'Compression requires a flow with several levels, which drops v level by level; this '
            'flow factors nothing out.'
        )
    rest = np.zeros_like(code.v)
    if seed is not None:
        rest = normal_per_image(
            code.v.shape[1:], image_seeds(seed, len(code.v)), DROPPED, coder.model.dtype
        ).numpy()
    decoded = [
        coder.decode(**code._replace(v=np.where(depth >= least, code.v, rest))._asdict())
        for least in range(depth.max() + 1)
    ]
    images, finite = (np.stack(parts) for parts in zip(*decoded))
    return Compressed(kept_fractions(depth), images, finite)
