"""Invertible square matrices as weights: a full matrix or P L U factors (Glow, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg
import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.core.compilation import layers_are_compiled
from tfwolf.core.custom_gradient import Gradient, custom_gradient
from tfwolf.core.freeze import derived
from tfwolf.core.parts import register
from tfwolf.core.variables import CompleteVariables


@custom_gradient
def log_abs_det(matrix: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
    """Return log|det(matrix)|, `[...]`, in nats, for `[..., n, n]`.

    It is the sum of log|diag R| of a QR factorisation. Unlike `tf.linalg.slogdet` it also compiles
    with XLA. Its gradient is the transposed inverse.
    """
    # Where layers are compiled one by one, this is computed outside of them, for all layers at
    # once. On a GPU the LU factorisation of `slogdet` is faster.
    if layers_are_compiled():
        total = tf.linalg.slogdet(matrix)[1]
    else:
        diagonal = tf.linalg.diag_part(tf.linalg.qr(matrix)[1])
        total = tf.reduce_sum(tf.math.log(tf.abs(diagonal)), axis=-1)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        # TensorFlow's stubs do not allow an ellipsis in an index.
        column = upstream[..., None, None]  # pyright: ignore[reportArgumentType]
        return column * tf.linalg.inv(matrix, adjoint=True)

    return total, gradient


def _over_last_axis(x: tf.Tensor, function: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    # One matrix product is faster than a broadcast product, especially for the matrix gradient.
    with tf.name_scope('conv_1x1'):
        return tf.reshape(function(tf.reshape(x, [-1, x.shape[-1]])), [-1, *x.shape[1:]])


def _random_orthogonal(size: int, seed: int) -> np.ndarray:
    normal = seeds.generator(seed, 'orthogonal').standard_normal((size, size))
    q, r = np.linalg.qr(normal)
    return q * np.sign(np.diag(r))


def _lu(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # SciPy's types do not depend on the flags that select the number of results.
    return scipy.linalg.lu(matrix)  # pyright: ignore[reportReturnType]


@register
class FullMatrix(CompleteVariables, tf.Module):
    """A matrix W whose entries are weights; initially random orthogonal. Rows are vectors: y = x W.

    Args:
        size: number of rows and columns.
        seed: seed of the initial matrix.
        dtype: floating type.
    """

    undecayed_weights = ('weight',)

    def __init__(self, size: int, seed: int = 0, dtype: tf.DType = tf.float32) -> None:
        super().__init__(name='full_matrix')
        size = validate.integer('size', size, minimum=1)
        initial = tf.constant(_random_orthogonal(size, seed), dtype)
        self.weight = tf.Variable(initial, name='weight')

    def multiply(self, x: tf.Tensor) -> tf.Tensor:
        """Return x W over the last axis of x, `[..., size]`."""
        return _over_last_axis(x, lambda rows: tf.matmul(rows, self.weight))

    def solve(self, y: tf.Tensor) -> tf.Tensor:
        """Return y W^-1 over the last axis of y, `[..., size]`."""
        return _over_last_axis(y, lambda rows: tf.matmul(rows, self.inverse))

    @derived(stacks=True, factorizes=True)
    def inverse(self) -> tf.Tensor:
        """W^-1, `[size, size]`."""
        return tf.linalg.inv(tf.convert_to_tensor(self.weight))

    @derived(stacks=True, factorizes=True)
    def log_abs_det(self) -> tf.Tensor:
        """log|det W|, a scalar, in nats."""
        return log_abs_det(tf.convert_to_tensor(self.weight))

    def assign(self, matrix: np.ndarray | tf.Tensor) -> None:
        """Set W to `matrix`, `[size, size]`."""
        self.weight.assign(matrix)


FACTORS = ('triangles', 'log_diagonal', 'sign', 'permutation')


@register
class PLUMatrix(CompleteVariables, tf.Module):
    """A matrix W with W^T = P L (U + diag(sign exp(log_diagonal))).

    P is a fixed permutation, L is unit lower triangular and U is strictly upper triangular. It has
    the same number of trained weights as the full matrix, log|det W| = sum(log_diagonal) needs no
    factorisation, and W cannot become singular. Initially W is random orthogonal.

    Args:
        size: number of rows and columns.
        seed: seed of the initial matrix.
        dtype: floating type.
    """

    undecayed_weights = ('triangles',)

    def __init__(self, size: int, seed: int = 0, dtype: tf.DType = tf.float32) -> None:
        super().__init__(name='plu_matrix')
        size = validate.integer('size', size, minimum=1)
        square, vector = tf.zeros([size, size], dtype), tf.zeros([size], dtype)
        self.triangles = tf.Variable(square, name='triangles')
        self.log_diagonal = tf.Variable(vector, name='log_diagonal')
        self.sign = tf.Variable(vector, trainable=False, name='sign')
        self.permutation = tf.Variable(square, trainable=False, name='permutation')
        self._mask = np.tril(np.ones([size, size]), -1)
        self.assign(_random_orthogonal(size, seed))

    def multiply(self, x: tf.Tensor) -> tf.Tensor:
        """Return x W over the last axis of x, `[..., size]`."""
        return _over_last_axis(x, lambda rows: tf.matmul(rows, self.matrix))

    def solve(self, y: tf.Tensor) -> tf.Tensor:
        """Return y W^-1 over the last axis of y, `[..., size]`."""
        return _over_last_axis(y, lambda rows: tf.matmul(rows, self.inverse))

    @derived(*FACTORS)
    def matrix(self) -> tf.Tensor:
        """W, `[size, size]`."""
        lower, upper = self._factors()
        return tf.transpose(tf.matmul(tf.matmul(self.permutation, lower), upper))

    @derived(*FACTORS)
    def inverse(self) -> tf.Tensor:
        """W^-1, `[size, size]`, by two triangular solves."""
        lower, upper = self._factors()
        columns = tf.linalg.triangular_solve(lower, tf.transpose(self.permutation), lower=True)
        return tf.transpose(tf.linalg.triangular_solve(upper, columns, lower=False))

    @derived(*FACTORS)
    def log_abs_det(self) -> tf.Tensor:
        """log|det W|, a scalar, in nats."""
        return tf.reduce_sum(self.log_diagonal)

    def assign(self, matrix: np.ndarray | tf.Tensor) -> None:
        """Set W to `matrix`, `[size, size]`, up to rounding of its factors.

        Raises:
            ValueError: if `matrix` is singular.
        """
        permutation, lower, upper = _lu(np.asarray(matrix, np.float64).T)
        diagonal = np.diag(upper)
        if not np.all(diagonal):
            raise ValueError(
                '`matrix` must be invertible; got a matrix whose LU factorisation has a zero on '
                'the diagonal.'
            )
        self.permutation.assign(permutation)
        self.triangles.assign(lower * self._mask + upper * self._mask.T)
        self.log_diagonal.assign(np.log(np.abs(diagonal)))
        self.sign.assign(np.sign(diagonal))

    def _factors(self) -> tuple[tf.Tensor, tf.Tensor]:
        mask = tf.constant(self._mask, self.triangles.dtype)
        size = self._mask.shape[0]
        lower = self.triangles * mask + tf.eye(size, dtype=mask.dtype)
        upper = self.triangles * tf.transpose(mask) + tf.linalg.diag(
            self.sign * tf.exp(self.log_diagonal)
        )
        return lower, upper
