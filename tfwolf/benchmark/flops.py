"""Floating-point operations of products and convolutions, counted in a graph, and how many the
machine can do.
"""

from __future__ import annotations

import math
import time

import tensorflow as tf

from tfwolf.bijectors.composite import walk_leaves
from tfwolf.core import seeds
from tfwolf.models.wolf import Wolf

# A gradient costs two more products of the same size, one for the input and one for the weights.
TRAINING_FACTOR = 3
PEAK_ROWS, PEAK_SIZE, PEAK_PRODUCTS, PEAK_REPEATS = 4096, 512, 20, 5


def training_flop_per_image(model: Wolf) -> int:
    """Returns the floating-point operations of one training step per image: all matrix products and
    convolutions, times three.

    Args:
        model: an initialised `Wolf`; the graph of one image is made layer by layer, so that no loop
            hides how often it runs.
    """

    @tf.function(autograph=False)
    def forward(images, labels):
        noise = model.draw_noise(1, tf.constant([0, 0]))
        z = model.infer(images, noise, labels=labels).z
        return walk_leaves(
            model.flow,
            lambda path, layer, x: layer.forward_and_log_det(x, z)[0],
            model.flow_input(images, noise),
        )

    graph = forward.get_concrete_function(
        tf.TensorSpec([1, *model.image_shape], tf.uint8), tf.TensorSpec([1], tf.int64)
    ).graph
    return TRAINING_FACTOR * sum(map(_flop, graph.get_operations()))


def matmul_peak(dtype: tf.DType = tf.float32) -> float:
    """Returns the floating-point operations per second of a large matrix product in `dtype` here,
    the best of a few trials.
    """
    rows, square = (
        seeds.normal(shape, seeds.tensor_seed(0, 'peak', *shape), dtype)
        for shape in ([PEAK_ROWS, PEAK_SIZE], [PEAK_SIZE] * 2)
    )
    product = tf.function(lambda rows, square: tf.matmul(rows, square), autograph=False)
    product(rows, square)
    best = math.inf
    for _ in range(PEAK_REPEATS):
        started = time.perf_counter()
        for _ in range(PEAK_PRODUCTS):
            result = product(rows, square)
        result[0, 0].numpy()
        best = min(best, time.perf_counter() - started)
    return PEAK_PRODUCTS * 2 * PEAK_ROWS * PEAK_SIZE**2 / best


def _flop(operation):
    """Returns 2 x multiplications of an op; 0 for one that is neither a product nor a convolution."""
    if operation.type == 'Conv2D':
        height, width, in_channels, _ = operation.inputs[1].shape
        return 2 * math.prod(operation.outputs[0].shape) * height * width * in_channels
    if operation.type in ('MatMul', 'BatchMatMulV2'):
        first = operation.inputs[0].shape
        transposed = operation.type == 'MatMul' and operation.get_attr('transpose_a')
        return 2 * math.prod(operation.outputs[0].shape) * first[-2 if transposed else -1]
    return 0
