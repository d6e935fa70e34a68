"""Glow: steps of actnorm, permutation and coupling, multi-scale levels and a learned top prior."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from tfwolf.bijectors.actnorm import ActNorm
from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.channel_split import ChannelSplit
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.multiscale import MultiScaleSplit
from tfwolf.bijectors.repeat import Repeat
from tfwolf.bijectors.squeeze import Squeezed
from tfwolf.bijectors.transforms import Transform, Whitening
from tfwolf.core import seeds, validate
from tfwolf.core.parts import register
from tfwolf.core.untracked import Untracked
from tfwolf.core.variables import count_parameters
from tfwolf.flows.factor_out import Conventional, FactorOut
from tfwolf.flows.image_flow import ImageFlow
from tfwolf.flows.levels import Level, check_image_shape, mean_hidden_arrays, networks
from tfwolf.flows.top_prior import TopPrior
from tfwolf.nets.condition import Condition
from tfwolf.nets.glow_net import GlowCouplingNet, ZeroConv
from tfwolf.nets.protocol import CouplingNetworkFactory


@register
class Glow(ImageFlow):
    """The Glow flow; keeps the image's shape.

    Each level squeezes 2x2 pixels and applies `num_steps` steps of actnorm, permutation and
    coupling. All levels but the last factor out half of the channels; a 3x3 convolution of the
    other half predicts their Gaussian. The Gaussian of the last level is learned, and is linear in
    the condition (such as a one-hot label) if there is one.

    With a condition and a `classification_weight`, a linear layer also predicts the class from the
    output of the last level, averaged over pixels. Its cross-entropy is added to the loss. The
    networks of the couplings do not receive the condition, since it would reveal the class.

    Args:
        image_shape: (height, width, channels) of x.
        condition_dim: size of the condition of the top prior, or 0.
        num_levels: number of levels, L.
        num_steps: number of steps per level, K.
        hidden_channels: width of the couplings' networks.
        transform: map of the couplings, a `SigmoidAffine` or `Additive`.
        permutation: factory of the permutation, called with (channels, seed, dtype):
            `reverse_channels`, `shuffle_channels` or `InvertibleConv1x1`.
        factor_out: selection of the dimensions that leave the flow.
        classification_weight: lambda of appendix D, in bits of cross-entropy per dimension; 0 for
            no classification.
        net: factory of the couplings' networks; see `CouplingNetworkFactory`. The convolutions that
            predict the factored-out dimensions use its compute type.
        seed: seed of the initial weights.
        dtype: floating type.

    Attributes:
        levels: tuple of `Level`, from the highest resolution to the lowest.

    Raises:
        ValueError: if the image cannot be squeezed at every level, or an argument is invalid.

    Reference: Kingma and Dhariwal, "Glow: Generative Flow with Invertible 1x1 Convolutions", 2018,
        arXiv:1807.03039, figure 2.

    >>> flow = tfwolf.Glow(
    ...     [8, 8, 3],
    ...     condition_dim=0,
    ...     num_levels=2,
    ...     num_steps=2,
    ...     hidden_channels=8,
    ...     transform=tfwolf.SigmoidAffine(),
    ...     permutation=tfwolf.InvertibleConv1x1,
    ... )
    >>> v, log_det = flow.forward_and_log_det(tf.zeros([2, 8, 8, 3]))
    >>> v.shape, log_det.shape
    (TensorShape([2, 8, 8, 3]), TensorShape([2]))
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        condition_dim: int,
        num_levels: int,
        num_steps: int,
        hidden_channels: int,
        transform: Transform,
        permutation: Callable[..., FlowBijector],
        factor_out: FactorOut = Conventional(),
        classification_weight: float = 0.0,
        net: CouplingNetworkFactory = GlowCouplingNet,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        name: str = 'glow',
    ) -> None:
        validate.integer('num_levels', num_levels, minimum=1)
        validate.integer('num_steps', num_steps, minimum=1)
        validate.real('classification_weight', classification_weight, minimum=0)
        if classification_weight and not condition_dim:
            raise ValueError(
                '`classification_weight` needs a model with class labels: set Wolf.latent = '
                f'@LabelCondition; got classification_weight={classification_weight} without '
                'labels.'
            )
        check_image_shape(image_shape, num_levels)

        def step(channels: int, seed: int) -> Chain:
            coupling = Coupling.build(
                channels,
                net,
                transform,
                hidden_channels=hidden_channels,
                seed=seeds.derive(seed, 'net'),
                dtype=dtype,
            )
            return Chain(
                [
                    ActNorm(channels, seed=seeds.derive(seed, 'actnorm'), dtype=dtype),
                    permutation(channels, seed=seeds.derive(seed, 'permutation'), dtype=dtype),
                    coupling,
                ],
                name='step',
            )

        rows: list[Level] = []
        top_priors: list[TopPrior] = []

        def level(index: int, height: int, width: int, channels: int) -> Squeezed:
            height, width, channels = height // 2, width // 2, 4 * channels
            steps = Repeat(
                lambda step_seed: step(channels, step_seed),
                num_steps,
                seed=seeds.derive(seed, 'level', index),
                name='steps',
            )
            is_last = index == num_levels - 1
            kept = channels // 2 if factor_out.splits else channels
            if is_last:
                top_prior = TopPrior(channels, condition_dim, dtype)
                top_priors.append(top_prior)
                layers = [steps, top_prior]
            else:
                layers = [
                    steps,
                    *factor_out.layers(
                        (height, width, channels), 1, seeds.derive(seed, 'factor out', index), dtype
                    ),
                ]
                if factor_out.splits:
                    split = ChannelSplit(channels)
                    compute_dtype = getattr(networks([steps])[0], 'compute_dtype', None)
                    leaving_net = ZeroConv(
                        split.conditioning_channels,
                        2 * split.transformed_channels,
                        dtype,
                        compute_dtype,
                    )
                    layers.append(
                        Coupling(
                            split, leaving_net, Whitening(), dtype=dtype, name='gaussian_of_leaving'
                        )
                    )
            rows.append(
                Level(
                    index + 1,
                    height,
                    width,
                    channels,
                    num_steps,
                    num_steps,
                    hidden_channels,
                    mean_hidden_arrays([steps], hidden_channels),
                    channels if is_last else channels - kept,
                    sum(map(count_parameters, layers)),
                )
            )
            if not is_last:
                inner = level(index + 1, height, width, kept)
                layers.append(
                    MultiScaleSplit(inner, 0, kept, channels, name='kept')
                    if kept < channels
                    else inner
                )
            return Squeezed(Chain(layers, name=f'level{index + 1}'))

        super().__init__([level(0, *image_shape)], image_shape, rows, factor_out, name=name)
        self._classification_weight = classification_weight
        self._num_levels, self._kept_share = num_levels, 2 if factor_out.splits else 1
        # Untracked, since the prior is already tracked as part of its level.
        self._top_prior = Untracked(top_priors[0])
        if classification_weight:
            channels = rows[-1].channels
            self.classifier_kernel = tf.Variable(
                tf.zeros([channels, condition_dim], dtype), name='classifier_kernel'
            )
            self.classifier_bias = tf.Variable(
                tf.zeros([condition_dim], dtype), name='classifier_bias'
            )

    @property
    def has_auxiliary_losses(self) -> bool:
        """Whether the class is predicted, that is, `classification_weight` is positive."""
        return self._classification_weight > 0

    @property
    def auxiliary_losses_read_v(self) -> bool:
        """Whether the class is predicted from v."""
        return self._classification_weight > 0

    def auxiliary_losses(
        self, v: tf.Tensor, condition: Condition | None = None
    ) -> dict[str, tf.Tensor]:
        """Return the weighted cross-entropy of the class, `{'classification': [batch]}`.

        Empty without `classification_weight`. See `FlowBijector.auxiliary_losses`.
        """
        if not self._classification_weight:
            return {}
        top = v
        for index in range(self._num_levels):
            top = tf.nn.space_to_depth(top, 2)
            if index < self._num_levels - 1:
                top = top[..., : top.shape[-1] // self._kept_share]
        # Undo the top prior, which depends on the class and would reveal it.
        features = tf.reduce_mean(
            self._top_prior.value.inverse_and_log_det(top, condition)[0], axis=[1, 2]
        )
        logits = tf.matmul(features, self.classifier_kernel) + self.classifier_bias
        bits = -tf.reduce_sum(condition * tf.nn.log_softmax(logits), axis=-1) / math.log(2.0)
        return {'classification': self._classification_weight * bits}
