"""Floating-point operations of matrix products and convolutions in a graph, and the machine's peak.

Only these two kinds of operations are counted.
"""

from __future__ import annotations

import math
import time

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.composite import walk_leaves
from tfwolf.core import seeds
from tfwolf.models.wolf import Wolf

# The gradient takes two more products of the same size, for the input and for the weights.
TRAINING_FACTOR = 3
PEAK_ROWS, PEAK_SIZE, PEAK_PRODUCTS, PEAK_REPEATS = 4096, 512, 20, 5


def training_flop_per_image(model: Wolf) -> int:
    """Return the floating-point operations of a training step per image.

    These are all matrix products and convolutions of the forward pass, times three.

    Args:
        model: an initialized `Wolf`; its graph is built layer by layer, without loops, so that
            every operation is counted as often as it runs.
    """

    @tf.function(autograph=False)
    def forward(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        noise = model.draw_noise(1, tf.constant([0, 0]))
        condition = model.infer(images, noise, labels=labels).condition

        def visit(path: tuple[str, ...], layer: FlowBijector, x: tf.Tensor) -> tf.Tensor:
            return layer.forward_and_log_det(x, condition)[0]

        return walk_leaves(model.flow, visit, model.flow_input(images, noise))

    graph = forward.get_concrete_function(
        tf.TensorSpec([1, *model.image_shape], tf.uint8), tf.TensorSpec([1], tf.int64)
    ).graph
    return TRAINING_FACTOR * sum(map(_flop, graph.get_operations()))


def matmul_peak(dtype: tf.DType = tf.float32) -> float:
    """Return the floating-point operations per second of a large matrix product on this machine.

    It is the best of a few trials.

    Args:
        dtype: floating type of the matrices.
    """
    rows, square = (
        seeds.normal(shape, seeds.tensor_seed(0, 'peak', *shape), dtype)
        for shape in ([PEAK_ROWS, PEAK_SIZE], [PEAK_SIZE] * 2)
    )
    product = tf.function(lambda rows, square: tf.matmul(rows, square), autograph=False)
    result, best = product(rows, square), math.inf
    for _ in range(PEAK_REPEATS):
        started = time.perf_counter()
        for _ in range(PEAK_PRODUCTS):
            result = product(rows, square)
        result[0, 0].numpy()
        best = min(best, time.perf_counter() - started)
    return PEAK_PRODUCTS * 2 * PEAK_ROWS * PEAK_SIZE**2 / best


def _flop(operation: tf.Operation) -> int:
    """Return 2 x multiplications of an operation; 0 unless it is a product or a convolution."""
    if operation.type == 'Conv2D':
        # A kernel is [height, width, in_channels, out_channels].
        return 2 * _size(operation.outputs[0].shape) * _size(operation.inputs[1].shape[:3])
    if operation.type in ('MatMul', 'BatchMatMulV2'):
        first = operation.inputs[0].shape
        transposed = operation.type == 'MatMul' and operation.get_attr('transpose_a')
        contracted = first[-2:-1] if transposed else first[-1:]
        return 2 * _size(operation.outputs[0].shape) * _size(contracted)
    return 0


def _size(shape: tf.TensorShape) -> int:
    count = shape.num_elements()
    if count is None:
        raise ValueError(f'Counting operations requires static shapes; got {shape}.')
    return count
