"""Latents whose z is a function of the class label: a learned vector, or the label itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.core.custom_gradient import Gradient, custom_gradient
from tfwolf.core.parts import register
from tfwolf.models.latent import Array, Inference, Latent


class LabelLatent(Latent):
    """The base class of latents whose z is a function of the class label; labels are uniform."""

    needs_labels: bool = True

    def encode(self, x: tf.Tensor | None, labels: Array | None = None) -> tf.Tensor:
        """Return z of the labels, `[batch, dim]`; x is not used."""
        raise NotImplementedError

    def from_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """Return z of uniformly drawn labels, `[batch, dim]`, for noise `[batch, num_classes]`."""
        return self.encode(None, self.labels_from_noise(noise))

    def labels_from_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """Return uniformly drawn labels, int64 `[batch]`, for noise `[batch, num_classes]`."""
        return tf.argmax(noise, axis=-1)

    def initialize(
        self,
        chunks: Sequence[tf.Tensor],
        noise_chunks: Sequence[tf.Tensor],
        label_chunks: Sequence[Array | None],
    ) -> list[tf.Tensor]:
        """Return z, `[batch, dim]`, for each chunk of labels; no weights depend on data."""
        return [self.encode(None, labels) for labels in label_chunks]


@register
class ClassLatent(LabelLatent):
    """z = net(embed(label)), a learned vector per class; the cost of z is log(num_classes) nats.

    The net has dense layers `dim -> 4 dim -> 4 dim -> dim` with activations in between.

    Args:
        image_shape: not used; all latents have this argument.
        latent_dim: size of z and of the embedding.
        num_classes: number of labels.
        activation: element-wise function between the dense layers.
        seed: seed of the initial weights.
        dtype: floating type.
    """

    undecayed_weights = ('embedding',)

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int,
        num_classes: int,
        activation: Callable[[tf.Tensor], tf.Tensor] = tf.nn.elu,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
    ) -> None:
        super().__init__(name='class_latent')
        self.dim = validate.integer('latent_dim', latent_dim, minimum=1)
        self.num_classes: int = validate.integer('num_classes', num_classes, minimum=2)
        # A label is drawn as the index of the largest normal draw, independent of any temperature.
        self.noise_dim = self.num_classes
        self._activation = activation
        random = seeds.generator(seed, 'class_latent')

        def variable(values: np.ndarray, name: str) -> tf.Variable:
            return tf.Variable(tf.convert_to_tensor(values, dtype), name=name)

        def dense(place: int, rows: int, columns: int) -> tuple[tf.Variable, tf.Variable]:
            bound = rows**-0.5
            kernel = random.uniform(-bound, bound, [rows, columns])
            bias = random.uniform(-bound, bound, [columns])
            return variable(kernel, f'kernel{place}'), variable(bias, f'bias{place}')

        size, hidden = latent_dim, 4 * latent_dim
        self.embedding = variable(random.standard_normal([num_classes, size]), 'embedding')
        self.kernel0, self.bias0 = dense(0, size, hidden)
        self.kernel1, self.bias1 = dense(1, hidden, hidden)
        self.kernel2, self.bias2 = dense(2, hidden, size)

    def infer(
        self, x: tf.Tensor, noise: tf.Tensor, labels: Array | None = None, training: bool = False
    ) -> Inference:
        """Return the `Inference` of z for the labels `[batch]`; x and noise are not used."""
        z = self.encode(x, labels)
        return Inference(
            z, tf.fill([tf.shape(z)[0]], tf.constant(math.log(self.num_classes), z.dtype)), None
        )

    def encode(self, x: tf.Tensor | None, labels: Array | None = None) -> tf.Tensor:
        """Return z of the labels, `[batch, dim]`; x is not used.

        Raises:
            ValueError: if there are no labels.
        """
        if labels is None:
            raise ValueError(
                f'`labels` is required: z is a function of one of {self.num_classes} class labels; '
                'got None.'
            )
        h = _rows(tf.convert_to_tensor(self.embedding), tf.convert_to_tensor(labels))
        h = self._activation(tf.matmul(h, self.kernel0) + self.bias0)
        h = self._activation(tf.matmul(h, self.kernel1) + self.bias1)
        return tf.matmul(h, self.kernel2) + self.bias2


@register
class LabelCondition(LabelLatent):
    """z is the one-hot class label, at no cost: the model is p(x|label).

    Args:
        image_shape: not used; all latents have this argument.
        num_classes: number of labels.
        seed: not used.
        dtype: floating type.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        num_classes: int,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
    ) -> None:
        super().__init__(name='label_condition')
        self.num_classes: int = validate.integer('num_classes', num_classes, minimum=2)
        self.dim = self.num_classes
        self.noise_dim = self.num_classes
        self._dtype = tf.as_dtype(dtype)

    def infer(
        self, x: tf.Tensor, noise: tf.Tensor, labels: Array | None = None, training: bool = False
    ) -> Inference:
        """Return the `Inference` of the labels `[batch]`, at no cost; x and noise are not used."""
        z = self.encode(x, labels)
        return Inference(z, tf.zeros([tf.shape(z)[0]], self._dtype), None)

    def encode(self, x: tf.Tensor | None, labels: Array | None = None) -> tf.Tensor:
        """Return the one-hot labels, `[batch, num_classes]`; x is not used.

        Raises:
            ValueError: if there are no labels.
        """
        if labels is None:
            raise ValueError(
                f'`labels` is required: the model is conditioned on one of {self.num_classes} '
                'classes; got None.'
            )
        return tf.one_hot(labels, self.num_classes, dtype=self._dtype)


@custom_gradient
def _rows(table: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
    """Return rows of a table `[num_classes, dim]` for labels `[batch]`, with a dense gradient.

    The gradient of `tf.gather` is sparse.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        return tf.math.unsorted_segment_sum(upstream, labels, tf.shape(table)[0]), None

    return tf.gather(table, labels), gradient
