"""Two ways to solve y = T(x; net(half plane of x)) for x, the inverse of a masked convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import tensorflow as tf

from tfwolf.bijectors.log_det_terms import batch_size
from tfwolf.bijectors.transforms import Transform
from tfwolf.core import validate
from tfwolf.core.parts import register
from tfwolf.nets.half_plane_net import HalfPlaneNet


class MaskedInverse(Protocol):
    """Solves y = T(x; net(half plane of x))."""

    def __call__(
        self, net: HalfPlaneNet, transform: Transform, y: tf.Tensor, terms: Sequence[tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return x and the log-scales log|dy/dx|, both of y's shape.

        Args:
            net: the network.
            transform: T.
            y: `[batch, height, width, channels]`.
            terms: the network's terms of the condition, of the whole image.
        """
        ...


@register
class RowByRow:
    """Solves the lines of the image one after the other, each in one evaluation.

    A line depends only on lines before it, so this is exact. There are as many steps as the image
    has rows (or columns), and each computes one line: the operations of one forward pass, but in
    sequence.
    """

    def __call__(
        self, net: HalfPlaneNet, transform: Transform, y: tf.Tensor, terms: Sequence[tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return x and the log-scales log|dy/dx|; see `MaskedInverse`."""
        window = net.window
        lines = window.lines_of(y)
        num_lines, _, pixels, channels = lines.shape
        # A term of one pixel is the same for all lines.
        terms_of_lines = [
            term if term.shape[1:3] == (1, 1) else window.lines_of(term) for term in terms
        ]

        def of_line(term: tf.Tensor, line: tf.Tensor, whole: tf.Tensor) -> tf.Tensor:
            return term if whole.shape[1:3] == (1, 1) else tf.gather(term, line)[:, tf.newaxis]

        def body(
            line: tf.Tensor, previous: tf.Tensor, found: tf.TensorArray, scales: tf.TensorArray
        ) -> tuple:
            here = [of_line(*pair) for pair in zip(terms_of_lines, [line] * len(terms), terms)]
            parameters = net.of_line(previous, here)
            x, log_scale = transform.inverse(tf.gather(lines, line)[:, tf.newaxis], parameters)
            return (
                line + 1,
                tf.ensure_shape(tf.concat([previous[:, 1:], x], axis=1), previous.shape),
                found.write(line, x[:, 0]),
                scales.write(line, log_scale[:, 0]),
            )

        start = tf.zeros([batch_size(y), window.depth, pixels, channels], y.dtype)
        arrays = [
            tf.TensorArray(y.dtype, size=num_lines, element_shape=lines.shape[1:]) for _ in range(2)
        ]
        _, _, found, scales = tf.while_loop(
            lambda line, *_: line < num_lines,
            body,
            (tf.constant(0), start, *arrays),
            maximum_iterations=num_lines,
        )
        return window.image_of(found.stack()), window.image_of(scales.stack())


@register
class FixedPoint:
    """Iterates x <- T^-1(y; net(half plane of x)) over whole images, from x = y.

    Iteration k makes the first k lines exact, so it ends after as many iterations as the image has
    lines. An image is finished before if no value changes by more than `tolerance`. Then x is the
    exact inverse of a y' that differs from y by at most s tolerance in each value, where s is the
    scale of T there (at most 1 + alpha for a `BoundedAffine`): y' = T(x), and the next iterate is
    x' = T^-1(y; net(x)), so |y' - y| = s |x - x'|.

    Each iteration costs a forward pass, but all lines are computed at once. An image's result does
    not depend on the other images of the batch.

    Args:
        tolerance: largest change of a finished image, at least 0.

    Reference: Song, Meng, Liao and Ermon, "Accelerating Feedforward Computation via Parallel
        Nonlinear Equation Solving", 2021, arXiv:2002.03629, section 3.
    """

    def __init__(self, tolerance: float = 1e-6) -> None:
        self.tolerance = validate.real('tolerance', tolerance, minimum=0)

    def __call__(
        self, net: HalfPlaneNet, transform: Transform, y: tf.Tensor, terms: Sequence[tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return x and the log-scales log|dy/dx|; see `MaskedInverse`."""
        (num_lines,) = validate.static_shape('y', [y.shape[1 + net.window.axis]])

        def body(turn: tf.Tensor, x: tf.Tensor, log_scale: tf.Tensor, done: tf.Tensor) -> tuple:
            found, scale = transform.inverse(y, net.of_image(x, terms))
            # Not `change > tolerance`, so that an image with NaN is not finished.
            near = tf.reduce_all(tf.abs(found - x) <= self.tolerance, axis=[1, 2, 3])
            now = done | near
            as_image = now[:, tf.newaxis, tf.newaxis, tf.newaxis]
            was_done = done[:, tf.newaxis, tf.newaxis, tf.newaxis]
            return (
                turn + 1,
                tf.ensure_shape(tf.where(as_image, x, found), y.shape),
                # The scales at x, where x stays.
                tf.ensure_shape(tf.where(was_done, log_scale, scale), y.shape),
                now,
            )

        # After `num_lines` iterations all lines are exact; one more gives their scales.
        _, x, log_scale, _ = tf.while_loop(
            lambda turn, x, log_scale, done: ~tf.reduce_all(done),
            body,
            (tf.constant(0), y, tf.zeros_like(y), tf.zeros([batch_size(y)], tf.bool)),
            maximum_iterations=num_lines + 1,
        )
        return x, log_scale
