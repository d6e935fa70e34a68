"""Integer forms of layers that scale and shift entries, given the others: y = x R / S + shift."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.actnorm import ActNorm
from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.batch_norm import BatchNormFlow
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.masked_conv import MaskedConv
from tfwolf.bijectors.standardization import Standardization
from tfwolf.bijectors.transforms import Additive, ExpAffine, Transform
from tfwolf.coding.integer_layer import Affine, Coder, integer_layer
from tfwolf.nets.condition import Condition


class ElementWise:
    """y = x exp(log_scale) + shift, with numbers that do not depend on x.

    Args:
        layer: an element-wise affine `FlowBijector`.
    """

    def __init__(self, layer: FlowBijector) -> None:
        self._layer = layer

    def forward(self, x: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Scale and shift; see `IntegerLayer`."""
        return coder.apply_affine(x, self._affine(x, condition))

    def inverse(self, y: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Undo the shift and the scale; see `IntegerLayer`."""
        return coder.undo_affine(y, self._affine(y, condition))

    def _affine(self, x: np.ndarray, condition: Condition | None) -> Affine:
        # f(0) is the shift, and the contributions to the log-determinant are the log-scales.
        zeros = tf.zeros(x.shape, self._layer.dtype)
        return self._layer.forward_with_contributions(zeros, zeros, condition)


class AffineCoupling:
    """y_b = x_b exp(log_scale(x_a)) + shift(x_a), y_a = x_a.

    Args:
        layer: a `Coupling` with an affine transform.

    Raises:
        ValueError: if the transform is not affine.
    """

    def __init__(self, layer: Coupling) -> None:
        _check_affine('coupling', layer.transform)
        self._layer = layer

    def forward(self, x: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Transform part b; see `IntegerLayer`."""
        a, b = self._layer.split.split(tf.constant(x))
        b = coder.apply_affine(b.numpy(), self._affine(a, b, condition, coder))
        return self._layer.split.merge(a, tf.constant(b)).numpy()

    def inverse(self, y: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Undo the transform of part b; see `IntegerLayer`."""
        a, b = self._layer.split.split(tf.constant(y))
        b = coder.undo_affine(b.numpy(), self._affine(a, b, condition, coder))
        return self._layer.split.merge(a, tf.constant(b)).numpy()

    def _affine(
        self, a: tf.Tensor, b: tf.Tensor, condition: Condition | None, coder: Coder
    ) -> Affine:
        layer = self._layer
        parameters = layer.net(coder.grid.to_floats(a.numpy(), layer.dtype), condition)
        # Of a checkerboard, part b has all pixels; those of part a stay as they are.
        shift, log_scale = _shift_and_log_scale(layer.transform, parameters, b.shape)
        return layer.split.only_transformed(shift), layer.split.only_transformed(log_scale)


class MaskedLines:
    """A masked convolution, one line of the image after the other.

    The scale and shift of a line are computed from the lines before it. The first line is pushed
    last, so that it is the first to be popped.

    Args:
        layer: a `MaskedConv` with an affine transform.

    Raises:
        ValueError: if the transform is not affine.
    """

    def __init__(self, layer: MaskedConv) -> None:
        _check_affine('masked convolution', layer.transform)
        self._layer = layer

    def forward(self, x: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Transform all lines, last line first; see `IntegerLayer`."""
        lines, terms = self._lines(x), self._terms(x, condition)
        y = lines.copy()
        for place in reversed(range(len(lines))):
            y[place] = coder.apply_affine(lines[place], self._affine(lines, place, terms, coder))
        return self._layer.net.window.image_of(tf.constant(y)).numpy()

    def inverse(self, y: np.ndarray, condition: Condition | None, coder: Coder) -> np.ndarray:
        """Solve for all lines, first line first; see `IntegerLayer`."""
        lines, terms = self._lines(y), self._terms(y, condition)
        for place in range(len(lines)):
            affine = self._affine(lines, place, terms, coder)
            lines[place] = coder.undo_affine(lines[place], affine)
        return self._layer.net.window.image_of(tf.constant(lines)).numpy()

    def _lines(self, image: np.ndarray) -> np.ndarray:
        return self._layer.net.window.lines_of(tf.constant(image)).numpy()

    def _terms(self, image: np.ndarray, condition: Condition | None) -> list[tf.Tensor]:
        """Return the network's terms of the condition for all lines, or for one that is all."""
        net = self._layer.net
        # Only the shape of the image counts.
        shaped = tf.zeros(image.shape, self._layer.dtype)
        return [net.window.lines_of(term) for term in net.condition_terms(condition, shaped)]

    def _affine(
        self, lines: np.ndarray, place: int, terms: list[tf.Tensor], coder: Coder
    ) -> Affine:
        """Return shift and scale of a line from the lines before it."""
        layer = self._layer
        depth = layer.net.window.depth
        before = lines[max(place - depth, 0) : place]
        outside = np.zeros((depth - len(before), *lines.shape[1:]), np.int64)
        previous = np.concatenate([outside, before]).transpose(1, 0, 2, 3)
        here = [term[min(place, len(term) - 1)][:, tf.newaxis] for term in terms]
        parameters = layer.net.of_line(coder.grid.to_floats(previous, layer.dtype), here)[:, 0]
        return _shift_and_log_scale(layer.transform, parameters, lines[place].shape)


def _shift_and_log_scale(
    transform: Transform, parameters: tf.Tensor, shape: Sequence[int] | tf.TensorShape
) -> Affine:
    """Return T(0) and the log-scales of an affine map T, both of the shape of its argument."""
    return transform.forward(tf.zeros(shape, parameters.dtype), parameters)


def _check_affine(layer: str, transform: Transform) -> None:
    if not isinstance(transform, (ExpAffine, Additive)):
        raise ValueError(
            f'The flow cannot be coded: there is no integer form of a {layer} with '
            f'{type(transform).__name__}, which is not affine.'
        )


for _kind in (ActNorm, BatchNormFlow, Standardization):
    integer_layer.register(_kind, ElementWise)
integer_layer.register(Coupling, AffineCoupling)
integer_layer.register(MaskedConv, MaskedLines)
