"""One array of the reference and the weights of ours that it sets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.matrix import PLUMatrix
from tfwolf.reference.axes import Axes


class Slot(NamedTuple):
    """One array of the reference and the weights of ours that it sets.

    Attributes:
        name: name in the reference's state dict.
        weights: dict of our `tf.Variable`s, by attribute name. A matrix in triangular form has
            several variables, everything else one.
        row: index into the first axis of stacked variables, or None.
        axes: `Axes`.
    """

    name: str
    weights: dict[str, tf.Variable]
    row: int | None
    axes: Axes

    @property
    def shape(self) -> tuple[int, ...]:
        """The reference's shape of the array."""
        sides = next(iter(self.weights.values())).shape.as_list()
        shape = [side for side in sides if side is not None]
        return tuple(self.axes.reference_shape(shape if self.row is None else shape[1:]))

    @property
    def is_triangular(self) -> bool:
        """Whether our matrix is stored as P L U."""
        return len(self.weights) > 1

    @property
    def is_trainable(self) -> bool:
        """Whether an optimizer updates the weights, unlike batch norm's running statistics."""
        return any(variable.trainable for variable in self.weights.values())

    def pick(self, values: tf.Tensor | tf.Variable | np.ndarray) -> np.ndarray:
        """Return the part of an array that belongs to this slot.

        Args:
            values: array of the shape of the slot's only variable, for example its gradient.
        """
        return np.asarray(values) if self.row is None else np.asarray(values)[self.row]

    def assign(self, array: np.ndarray) -> None:
        """Set our weights to an array of the reference."""
        self._set(self.axes.to_ours(array))

    def copy(self, other: Slot) -> None:
        """Set our weights to those of the same slot of another model.

        Args:
            other: the slot; its dtype and form of matrices may differ.
        """
        self._set(other.value())

    def value(self) -> np.ndarray:
        """Return our weight as an array; a triangular form is multiplied to a matrix."""
        parts = {name: self.pick(variable) for name, variable in self.weights.items()}
        if not self.is_triangular:
            return next(iter(parts.values()))
        size = len(parts['sign'])
        matrix = PLUMatrix(size, dtype=tf.float64)
        for name, part in parts.items():
            getattr(matrix, name).assign(part)
        return matrix.multiply(tf.eye(size, dtype=tf.float64)).numpy()

    def _set(self, value):
        values = {name: value for name in self.weights}
        if self.is_triangular:
            matrix = PLUMatrix(len(value), dtype=tf.float64)
            matrix.assign(value)
            values = {name: getattr(matrix, name).numpy() for name in self.weights}
        for name, variable in self.weights.items():
            part = tf.cast(values[name], variable.dtype)
            if self.row is None:
                variable.assign(part)
            else:
                variable.scatter_nd_update([[self.row]], part[tf.newaxis])
