"""Dequantizers: the distribution q(u|x) of the noise that makes color values continuous."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.log_det_terms import sum_over_event
from tfwolf.core import image_noise, seeds
from tfwolf.core.choices import UNIFORM, VARIATIONAL
from tfwolf.core.parts import register
from tfwolf.core.untracked import Untracked
from tfwolf.core.variables import CompleteVariables
from tfwolf.distributions.bits import standard_normal_log_prob
from tfwolf.models.compiled_encoder import CompiledEncoder
from tfwolf.nets.condition import image_argument


class Dequantization(NamedTuple):
    """Noise within the bins of images and its density.

    Attributes:
        u: `[batch, height, width, channels]` in [0, 1].
        log_prob_nats: log q(u|x), `[batch]`; 0 for uniform noise.
    """

    u: tf.Tensor
    log_prob_nats: tf.Tensor


class Dequantizer(CompleteVariables, tf.Module):
    """The distribution q(u|x) of the noise u in [0, 1]^D that is added to the bins of an image x.

    log p(image) >= E[log p(bin + u) - log q(u|x)]; uniform noise is the special case q = 1. A
    subclass is constructed with (image_shape, seed, dtype) and its own arguments.

    Attributes:
        is_learned: whether q(u|x) has weights; the bound is then called variational.
        noise_meaning: the distribution of `noise`, in words.
    """

    is_learned: bool = False
    noise_meaning: str = 'uniform in [0, 1)'

    @property
    def trained_flow(self) -> FlowBijector | None:
        """The flow of `draw`, if it is learned; all other weights are those of `features`."""
        return None

    @property
    def kind(self) -> str:
        """The dequantization as results name it: 'uniform' or 'variational'."""
        return VARIATIONAL if self.is_learned else UNIFORM

    def noise(self, shape: Sequence[int], seed: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """Return the random numbers of `draw`, of the shape of the images.

        Args:
            shape: (batch, height, width, channels).
            seed: int32 `[2]`.
            dtype: floating type.
        """
        raise NotImplementedError

    def noise_per_image(
        self, image_shape: Sequence[int], image_seeds: tf.Tensor, dtype: tf.DType
    ) -> tf.Tensor:
        """Return the random numbers of `draw`, those of an image from its own two seeds.

        Args:
            image_shape: (height, width, channels).
            image_seeds: int64 `[batch, 2]`, see `core.image_noise`.
            dtype: floating type.
        """
        raise NotImplementedError

    def features(self, x: tf.Tensor, training: bool = False) -> tf.Tensor | None:
        """Return what the noise depends on, `[batch, ...]`; None for nothing.

        Args:
            x: lower edges of the images' bins in [-1, 1], `[batch, height, width, channels]`.
            training: whether batch norm uses the statistics of the batch.
        """
        return None

    def draw(
        self, features: tf.Tensor | None, noise: tf.Tensor, training: bool = False
    ) -> Dequantization:
        """Return u and log q(u|x).

        Args:
            features: the result of `features`.
            noise: the result of `noise`.
            training: whether weights are being trained.
        """
        raise NotImplementedError

    def initialize(self, chunks: Sequence[tf.Tensor], noise_chunks: Sequence[tf.Tensor]) -> None:
        """Initialize weights from data.

        Args:
            chunks: as x in `features`, a list of chunks of images.
            noise_chunks: the `noise` of each chunk.
        """


@register
class UniformDequantizer(Dequantizer):
    """u uniform in [0, 1), q(u|x) = 1.

    Args:
        image_shape, seed, dtype: not used; all dequantizers have these arguments.

    Reference: Theis, van den Oord and Bethge, "A note on the evaluation of generative models",
        2016, arXiv:1511.01844, section 3.1.
    """

    def __init__(
        self, image_shape: Sequence[int], seed: int = 0, dtype: tf.DType = tf.float32
    ) -> None:
        super().__init__(name='uniform_dequantizer')

    def noise(self, shape: Sequence[int], seed: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """Return uniform numbers in [0, 1)."""
        return seeds.uniform(shape, seed, dtype)

    def noise_per_image(
        self, image_shape: Sequence[int], image_seeds: tf.Tensor, dtype: tf.DType
    ) -> tf.Tensor:
        """Return uniform numbers in (0, 1)."""
        return image_noise.uniform_per_image(image_shape, image_seeds, image_noise.V, dtype)

    def draw(
        self, features: tf.Tensor | None, noise: tf.Tensor, training: bool = False
    ) -> Dequantization:
        """Return the noise, of density 1."""
        return Dequantization(noise, tf.zeros([tf.shape(noise)[0]], noise.dtype))


class FeatureNetwork(Protocol):
    """The encoder of a `FlowDequantizer`, constructed with (image_shape, seed, dtype).

    Attributes:
        out_channels: number of channels of the features.
    """

    out_channels: int

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return features, `[batch, height, width, out_channels]`."""
        ...


@register
class FlowDequantizer(Dequantizer):
    """u = sigmoid(F(epsilon; E(x))) with epsilon ~ N(0, I), an encoder E and a flow F.

    log q(u|x) = log N(epsilon; 0, I) - log|det dF/d epsilon| - sum log(u (1 - u)), where the last
    term is computed from the flow's output t: -log(u (1 - u)) = softplus(t) + softplus(-t).

    The flow runs forward; its inverse is never needed. E sees the lower edges of the bins.

    Args:
        image_shape: (height, width, channels).
        encoder: factory of the `FeatureNetwork` E, called with (image_shape, seed, dtype).
        flow: factory of F, called with (image_shape, condition_dim=0, condition_channels, seed,
            dtype).
        seed: seed of the initial weights.
        dtype: floating type.

    Raises:
        ValueError: if the flow does not accept an image as its condition.

    Reference: Ho et al., "Flow++: Improving Flow-Based Generative Models with Variational
        Dequantization and Architecture Design", 2019, arXiv:1902.00275, section 3.1.
    """

    is_learned: bool = True
    noise_meaning: str = 'standard normal'

    def __init__(
        self,
        image_shape: Sequence[int],
        encoder: Callable[..., FeatureNetwork],
        flow: Callable[..., FlowBijector],
        seed: int = 0,
        dtype: tf.DType = tf.float32,
    ) -> None:
        super().__init__(name='flow_dequantizer')
        self.encoder = encoder(
            image_shape=image_shape, seed=seeds.derive(seed, 'encoder'), dtype=dtype
        )
        self._compiled = Untracked(CompiledEncoder(self.encoder))
        self.flow = flow(
            image_shape=image_shape,
            condition_dim=0,
            seed=seeds.derive(seed, 'flow'),
            dtype=dtype,
            **image_argument('flow', flow, self.encoder.out_channels),
        )

    @property
    def trained_flow(self) -> FlowBijector:
        """F."""
        return self.flow

    def noise(self, shape: Sequence[int], seed: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """Return standard normal numbers."""
        return seeds.normal(shape, seed, dtype)

    def noise_per_image(
        self, image_shape: Sequence[int], image_seeds: tf.Tensor, dtype: tf.DType
    ) -> tf.Tensor:
        """Return standard normal numbers."""
        return image_noise.normal_per_image(image_shape, image_seeds, image_noise.V, dtype)

    def features(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return E(x), `[batch, height, width, out_channels]`."""
        return self._compiled.value(x, training)

    def draw(
        self, features: tf.Tensor | None, noise: tf.Tensor, training: bool = False
    ) -> Dequantization:
        """Return u and log q(u|x); see `Dequantizer.draw`."""
        forward = self.flow.forward_in_training if training else self.flow.forward_and_log_det
        t, log_det = forward(noise, features)
        log_det_sigmoid = -sum_over_event(tf.math.softplus(t) + tf.math.softplus(-t))
        return Dequantization(
            tf.sigmoid(t), standard_normal_log_prob(noise) - log_det - log_det_sigmoid
        )

    def initialize(self, chunks: Sequence[tf.Tensor], noise_chunks: Sequence[tf.Tensor]) -> None:
        """Initialize the flow on epsilon; see `Dequantizer.initialize`."""
        features = [self.features(chunk) for chunk in chunks]
        self.flow.initialize_and_forward(
            tf.concat(noise_chunks, axis=0), tf.concat(features, axis=0)
        )
