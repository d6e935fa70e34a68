"""Where images are unusual: the log-likelihood of an image by pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import walk_leaves
from tfwolf.bijectors.reindexing import Reindexing
from tfwolf.core import seeds, validate
from tfwolf.evaluation.noisy_pass import NoisyPass
from tfwolf.models.generation import Array
from tfwolf.models.wolf import Wolf


def likelihood_map(
    model: Wolf,
    images: Array,
    seed: int = 0,
    labels: Array | None = None,
    num_draws: int = 1,
    batch_size: int = 64,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the shares of pixels in log p(image), `[num_images, height, width]`, and -log p.

    Both are in nats, of the bound. The shares of an image add up to its log p: each dimension of v
    has log N(v; 0, 1) and its own scales in the layers of the flow, and belongs to the pixels from
    which it came through squeezes, splits and permutations: one pixel at the full resolution, a
    block of 2x2 at half of it, and so on. What belongs to the whole image (KL of z, dequantization,
    1x1 convolutions) is spread evenly.

    Args:
        model: an initialized `Wolf`.
        images: `[num_images, height, width, channels]` of the model's type, at least one.
        seed: integer; the noise of an image depends on it and on its place in the batches.
        labels: integers `[num_images]`; only used by a model whose z comes from labels.
        num_draws: draws of the noise, over which shares and bound are averaged, at least 1.
        batch_size: images at once.

    Returns:
        Shares, float64 `[num_images, height, width]`, and -log p, float64 `[num_images]`.

    Raises:
        ValueError: if there are no images, or an argument is not allowed.

    >>> images = run.dataset.split('test').load(tf.range(4, dtype=tf.int64))['image'].numpy()
    >>> shares, nll_nats = tfwolf.likelihood_map(run.model, images)
    >>> bool(np.allclose(shares.sum(axis=(1, 2)), -nll_nats))
    True
    """
    validate.integer('num_draws', num_draws, minimum=1)
    forward = NoisyPass(model, min(batch_size, max(1, len(images))))
    shares = np.zeros([len(images), *model.image_shape])
    nll_nats = np.zeros(len(images))
    for draw in range(num_draws):
        of_draw = forward.by_dimension(images, seeds.derive(seed, f'draw {draw}'), labels)
        shares += of_draw[0] / num_draws
        nll_nats += of_draw[1] / num_draws
    return by_pixel(shares, model.flow, model.image_shape).numpy(), nll_nats


def by_pixel(values: Array, flow: FlowBijector, image_shape: Sequence[int]) -> tf.Tensor:
    """Return values of the dimensions of v added up over the pixels to which these belong.

    A value is spread evenly over the pixels of its block, see `blocks_in_image`.

    Args:
        values: floating `[num_images, height, width, channels]`, of v.
        flow: the flow.
        image_shape: (height, width, channels).

    Returns:
        `[num_images, height, width]`, with the sum of `values` for each image.
    """
    height, width, _ = image_shape
    # Constants of the graph, also where this is traced.
    with tf.init_scope():
        places, sides = (found.reshape(-1) for found in blocks_in_image(flow, image_shape))
    of_dimensions = tf.transpose(tf.reshape(values, [-1, places.size]))
    pixels = []
    for side in map(int, np.unique(sides)):
        own = np.flatnonzero(sides == side)
        rows, columns = np.unravel_index(places[own], image_shape)[:2]
        size = (height // side, width // side)
        block = np.ravel_multi_index((rows // side, columns // side), size)
        totals = tf.math.unsorted_segment_sum(
            tf.gather(of_dimensions, own), block, size[0] * size[1]
        )
        blocks = tf.reshape(tf.transpose(totals), [-1, *size]) / side**2
        pixels.append(tf.repeat(tf.repeat(blocks, side, axis=1), side, axis=2))
    return tf.add_n(pixels)


def blocks_in_image(
    flow: FlowBijector, image_shape: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the place and the block in the image of each dimension of v.

    Layers that only reorder move a dimension; all others keep it in its place. A layer at half the
    resolution mixes four pixels, so that a dimension which passed it belongs to a block of 2x2
    pixels, and so on.

    Args:
        flow: a flow of images.
        image_shape: (height, width, channels).

    Returns:
        Integers `[height, width, channels]`: the flat index in the image, and the side of the
        square block of pixels in which it lies.
    """
    height = image_shape[0]

    def visit(path: tuple[str, ...], layer: FlowBijector, both: tf.Tensor) -> tf.Tensor:
        if isinstance(layer, Reindexing):
            return layer.move(both)
        places, sides = tf.split(both, 2, axis=0)
        here = tf.cast(height // validate.static_shape('x', both.shape[1:])[0], both.dtype)
        return tf.concat([places, tf.maximum(sides, here)], axis=0)

    # Both pass through the flow as images; float64 represents them exactly.
    places = tf.range(int(np.prod(image_shape)), dtype=tf.float64)
    both = tf.reshape(tf.stack([places, tf.ones_like(places)]), [2, *image_shape])
    found = walk_leaves(flow, visit, both).numpy().astype(int)
    return found[0], found[1]
