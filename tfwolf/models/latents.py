"""Where the condition z of a flow comes from: an encoder and a prior, a class label, or nowhere.

Every latent says what it can: `has_z`, whether there is a z at all; `has_posterior`, whether z is
    drawn from q(z|x); `needs_labels`, whether
z comes from class labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Union

import numpy as np
import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.core.parts import register
from tfwolf.core.variables import CompleteVariables
from tfwolf.distributions.posterior import Posterior
from tfwolf.models.encoder import EncoderNetwork

ImageShape = Sequence[int]
Array = Union[np.ndarray, tf.Tensor]


class Inference(NamedTuple):
    """z of a batch of images and what it costs.

    Attributes:
        z: `[batch, latent_dim]`, or None without a latent.
        kl_nats: `[batch]`, log q(z|x) - log p(z) or its closed form.
        kl_per_dim_nats: `[batch, latent_dim]`, KL of each dimension of q(z|x) to N(0, 1), or None.
            A diagnosis: under a flow prior these do not add up to `kl_nats`.
    """

    z: tf.Tensor | None
    kl_nats: tf.Tensor
    kl_per_dim_nats: tf.Tensor | None


@register
class GaussianLatent(CompleteVariables, tf.Module):
    """z ~ q(z|x) = N(mu(x), sigma(x)) with a learned or normal prior p(z): the encoder half of Wolf
    (section 3.1).

    Args:
        image_shape: (height, width, channels).
        latent_dim: size of z.
        encoder: makes the encoder, an `EncoderNetwork`, called with (image_shape, latent_dim, seed,
            dtype).
        prior: makes the prior, called with (latent_dim, seed, dtype).
        seed: seed of the initial weights.
        dtype: floating type.
    """

    has_z: bool = True
    has_posterior: bool = True
    needs_labels: bool = False
    num_classes: int | None = None

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int,
        encoder: Callable[..., EncoderNetwork],
        prior: Callable[..., tf.Module],
        seed: int = 0,
        dtype: tf.DType = tf.float32,
    ) -> None:
        super().__init__(name='gaussian_latent')
        self.dim: int = validate.integer('latent_dim', latent_dim, minimum=1)
        self.noise_dim: int = self.dim
        self.encoder = encoder(
            image_shape=image_shape, latent_dim=latent_dim, seed=seed, dtype=dtype
        )
        self.prior = prior(latent_dim=latent_dim, seed=seed, dtype=dtype)

    def infer(
        self, x: tf.Tensor, noise: tf.Tensor, labels: Array | None = None, training: bool = False
    ) -> Inference:
        """Returns the `Inference` of z for x `[batch, height, width, channels]` and standard normal
        noise `[batch, dim]`.
        """
        posterior = self.encoder(x, training=training)
        z = posterior.from_noise(noise)
        return Inference(
            z, self.prior.kl_nats(posterior, z), posterior.kl_to_standard_normal_nats()
        )

    def posterior(self, x: tf.Tensor) -> Posterior:
        """Returns q(z|x), a `Posterior`, for x `[batch, height, width, channels]`, in evaluation."""
        return self.encoder(x, training=False)

    def encode(self, x: tf.Tensor, labels: Array | None = None) -> tf.Tensor:
        """Returns the mean of q(z|x), `[batch, dim]`."""
        return self.posterior(x).mean

    def from_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """Returns z ~ p(z), `[batch, dim]`, for standard normal noise of that shape."""
        return self.prior.from_noise(noise)

    def to_noise(self, z: tf.Tensor) -> tf.Tensor:
        """Returns the noise that `from_noise` makes z from, `[batch, dim]`."""
        return self.prior.to_noise(z)

    def initialize(
        self,
        chunks: Sequence[tf.Tensor],
        noise_chunks: Sequence[tf.Tensor],
        label_chunks: Sequence[Array | None],
    ) -> list[tf.Tensor]:
        """Initialises encoder and prior from data and returns z, `[batch, dim]`, for each chunk of
        images.

        Args:
            chunks: list of images in [-1, 1], `[batch, height, width, channels]`.
            noise_chunks: list of standard normal noise, `[batch, dim]`.
            label_chunks: not used.
        """
        self.encoder.initialize(chunks)
        z = [
            self.encoder(x, training=True).from_noise(noise)
            for x, noise in zip(chunks, noise_chunks)
        ]
        self.prior.initialize(tf.concat(z, axis=0))
        return z


class _FromLabels(CompleteVariables, tf.Module):
    """What latents share whose z is a function of the class label, `encode`; all labels are equally
    likely.
    """

    has_z: bool = True
    has_posterior: bool = False
    needs_labels: bool = True

    def from_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """Returns z of labels drawn uniformly, `[batch, dim]`, for standard normal noise `[batch,
        num_classes]`.
        """
        return self.encode(None, self.labels_from_noise(noise))

    def labels_from_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """Returns labels drawn uniformly, int64 `[batch]`, for standard normal noise `[batch,
        num_classes]`.
        """
        return tf.argmax(noise, axis=-1)

    def initialize(
        self,
        chunks: Sequence[tf.Tensor],
        noise_chunks: Sequence[tf.Tensor],
        label_chunks: Sequence[Array | None],
    ) -> list[tf.Tensor]:
        """Returns z, `[batch, dim]`, for each chunk of labels: nothing here is initialised from
        data.
        """
        return [self.encode(None, labels) for labels in label_chunks]


@register
class ClassLatent(_FromLabels):
    """z = net(embed(label)): a vector learned per class, with p(label) uniform; z costs
    log(num_classes) nats.

    The net is dense `dim -> 4 dim -> 4 dim -> dim` with the activation between.

    Args:
        image_shape: not used; every latent is made with the same arguments.
        latent_dim: size of z and of the embedding.
        num_classes: number of labels.
        activation: element-wise function between the dense layers.
        seed: seed of the initial weights.
        dtype: floating type.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int,
        num_classes: int,
        activation: Callable[[tf.Tensor], tf.Tensor] = tf.nn.elu,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
    ) -> None:
        super().__init__(name='class_latent')
        self.dim: int = validate.integer('latent_dim', latent_dim, minimum=1)
        self.num_classes: int = validate.integer('num_classes', num_classes, minimum=2)
        # A label is drawn as the index of the largest of so many normal draws, which no temperature
        # changes.
        self.noise_dim: int = self.num_classes
        self._activation = activation
        random = seeds.generator(seed, 'class_latent')
        self.embedding: tf.Variable = tf.Variable(
            random.standard_normal([num_classes, latent_dim]), dtype=dtype, name='embedding'
        )
        sizes = [latent_dim, 4 * latent_dim, 4 * latent_dim, latent_dim]
        for place, (rows, columns) in enumerate(zip(sizes, sizes[1:])):
            bound = rows**-0.5
            for name, shape in ((f'kernel{place}', [rows, columns]), (f'bias{place}', [columns])):
                setattr(
                    self,
                    name,
                    tf.Variable(random.uniform(-bound, bound, shape), dtype=dtype, name=name),
                )

    def infer(
        self, x: tf.Tensor, noise: tf.Tensor, labels: Array | None = None, training: bool = False
    ) -> Inference:
        """Returns the `Inference` of z for the labels `[batch]`; x gives the batch size only, the
        noise is not used.
        """
        z = self.encode(x, labels)
        return Inference(
            z, tf.fill([tf.shape(z)[0]], tf.constant(math.log(self.num_classes), z.dtype)), None
        )

    def encode(self, x: tf.Tensor | None, labels: Array | None = None) -> tf.Tensor:
        """Returns z of the labels, `[batch, dim]`.

        Raises:
            ValueError: if there are no labels.
        """
        if labels is None:
            raise ValueError(
                f'`labels` must be given: z comes from one of {self.num_classes} class labels; '
                'got None.'
            )
        h = _rows(tf.convert_to_tensor(self.embedding), tf.convert_to_tensor(labels))
        h = self._activation(tf.matmul(h, self.kernel0) + self.bias0)
        h = self._activation(tf.matmul(h, self.kernel1) + self.bias1)
        return tf.matmul(h, self.kernel2) + self.bias2


@register
class LabelCondition(_FromLabels):
    """z is the class label itself, one-hot: a model of p(x|label), with nothing to infer and
    nothing to pay for z.

    Args:
        image_shape: not used; every latent is made with the same arguments.
        num_classes: number of labels.
        seed: not used.
        dtype: floating type.
    """

    def __init__(
        self, image_shape: ImageShape, num_classes: int, seed: int = 0, dtype: tf.DType = tf.float32
    ) -> None:
        super().__init__(name='label_condition')
        self.num_classes: int = validate.integer('num_classes', num_classes, minimum=2)
        self.dim: int = self.num_classes
        self.noise_dim: int = self.num_classes
        self._dtype = tf.as_dtype(dtype)

    def infer(
        self, x: tf.Tensor, noise: tf.Tensor, labels: Array | None = None, training: bool = False
    ) -> Inference:
        """Returns the `Inference` of the labels `[batch]`, at no cost; x and noise are not used."""
        z = self.encode(x, labels)
        return Inference(z, tf.zeros([tf.shape(z)[0]], self._dtype), None)

    def encode(self, x: tf.Tensor | None, labels: Array | None = None) -> tf.Tensor:
        """Returns the labels one-hot, `[batch, num_classes]`.

        Raises:
            ValueError: if there are no labels.
        """
        if labels is None:
            raise ValueError(
                f'`labels` must be given: the model is of images of one of {self.num_classes} '
                'classes; got None.'
            )
        return tf.one_hot(labels, self.num_classes, dtype=self._dtype)


@register
class NoLatent(CompleteVariables, tf.Module):
    """No z: the flow alone, an exact likelihood (the refined Glow rows of the paper). Takes the
    arguments of every latent.
    """

    has_z: bool = False
    has_posterior: bool = False
    needs_labels: bool = False
    dim: int = 0
    noise_dim: int = 0
    num_classes: int | None = None

    def __init__(
        self, image_shape: ImageShape, seed: int = 0, dtype: tf.DType = tf.float32
    ) -> None:
        super().__init__(name='no_latent')

    def infer(
        self, x: tf.Tensor, noise: tf.Tensor, labels: Array | None = None, training: bool = False
    ) -> Inference:
        """Returns an `Inference` without z and with a divergence of zero, `[batch]`."""
        return Inference(None, tf.zeros([tf.shape(x)[0]], x.dtype), None)

    def encode(self, x: tf.Tensor | None, labels: Array | None = None) -> None:
        """Returns None: there is no z."""

    def from_noise(self, noise: tf.Tensor) -> None:
        """Returns None: there is no z."""

    def initialize(
        self,
        chunks: Sequence[tf.Tensor],
        noise_chunks: Sequence[tf.Tensor],
        label_chunks: Sequence[Array | None],
    ) -> list[None]:
        """Returns None for each chunk: there is nothing to initialise."""
        return [None] * len(chunks)


Latent = Union[GaussianLatent, ClassLatent, LabelCondition, NoLatent]


@tf.custom_gradient
def _rows(
    table: tf.Tensor, labels: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, None]]]:
    """Returns the rows of a table `[num_classes, dim]` for labels `[batch]`, with a dense gradient:
    that of `tf.gather` is sparse.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        return tf.math.unsorted_segment_sum(upstream, labels, tf.shape(table)[0]), None

    return tf.gather(table, labels), gradient
