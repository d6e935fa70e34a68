"""Refined Glow: the fine-grained multi-scale flow of Wolf (Wolf, figure 3)."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.bijectors.invertible_linear import Matrix
from tfwolf.bijectors.matrix import FullMatrix
from tfwolf.bijectors.transforms import Transform
from tfwolf.core.parts import register
from tfwolf.flows.factor_out import Conventional, FactorOut
from tfwolf.flows.fine_multiscale import FineMultiScale
from tfwolf.flows.image_flow import ImageFlow
from tfwolf.flows.layer_options import LayerOptions
from tfwolf.flows.refined_step import glow_step
from tfwolf.nets.coupling_nets import ConvCouplingNet
from tfwolf.nets.protocol import CouplingNetworkFactory


@register
class RefinedGlow(ImageFlow):
    """The refined Glow flow with fine-grained multi-scale; keeps the image's shape.

    Level 0 works at full resolution and factors out nothing. Each later level first squeezes 2x2
    pixels. A middle level `[a, b, ...]` with k entries works on C channels and factors out C / M
    channels after each group of steps. By default M = 2k, so that C / 2 channels stay (k = 2, M = 4
    in Wolf). The last level consists of steps only. In each middle level, the channels of v are
    `[stayed, left last, ..., left first]`.

    Args:
        image_shape: (height, width, channels) of x.
        condition_dim: size of z, or 0 for a flow without a condition.
        num_steps: number of steps of level 0, of the groups of each middle level, and of the last
            level; for example `[2, [6, 6], [6, 6], 4]`. It may be 0 for level 0.
        hidden_channels: width of the couplings' networks, one per level.
        transform: map of the couplings, a `BoundedAffine` or `Additive`.
        matrix: class of the 1x1 convolutions' matrices, `FullMatrix` or `PLUMatrix`.
        factors: M of each middle level, above its number of groups; None for twice that number.
        factor_out_transform: map of the couplings that factor out; None for `transform`.
        factor_out: selection of the dimensions that leave the flow. Other selections than
            `Conventional` need middle levels in which half of the channels leave.
        net: factory of the couplings' networks; see `CouplingNetworkFactory`.
        seed: seed of the initial weights.
        dtype: floating type.
        condition_channels: number of channels of the condition's image, which has the size of x; 0
            for none. It is squeezed as x is.
        conditioned_levels: indices of the levels whose couplings see z, 0 for the highest
            resolution; None for all.

    Attributes:
        levels: tuple of `Level`, from the highest resolution to the lowest.

    Raises:
        ValueError: if the structure is malformed, or the image cannot be split or squeezed
            accordingly.

    Reference: Ma et al., "Decoupling Global and Local Representations via Invertible Generative
        Flows", 2021, arXiv:2004.11820, figure 3.

    >>> flow = tfwolf.RefinedGlow(
    ...     [8, 8, 3],
    ...     condition_dim=4,
    ...     num_steps=[1, [1, 1], 1],
    ...     hidden_channels=[8, 8, 8],
    ...     transform=tfwolf.BoundedAffine(1.0),
    ... )
    >>> v, log_det = flow.forward_and_log_det(tf.zeros([2, 8, 8, 3]), tf.zeros([2, 4]))
    >>> v.shape, log_det.shape
    (TensorShape([2, 8, 8, 3]), TensorShape([2]))
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        condition_dim: int,
        num_steps: Sequence[int | Sequence[int]],
        hidden_channels: Sequence[int],
        transform: Transform,
        matrix: Matrix = FullMatrix,
        factors: Sequence[int] | None = None,
        factor_out_transform: Transform | None = None,
        factor_out: FactorOut = Conventional(),
        net: CouplingNetworkFactory = ConvCouplingNet,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        condition_channels: int = 0,
        conditioned_levels: Sequence[int] | None = None,
        name: str = 'refined_glow',
    ) -> None:
        structure = FineMultiScale(
            glow_step,
            num_steps,
            hidden_channels,
            factors,
            factor_out,
            factor_out_transform or transform,
            seed,
            conditioned_levels,
        )
        options = LayerOptions(condition_dim, condition_channels, transform, matrix, net, dtype)
        layers = structure.layers(options, image_shape)
        super().__init__(layers, image_shape, structure.levels, factor_out, name=name)
