"""MaCow: masked convolutions and couplings in the fine-grained multi-scale structure."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.bijectors.invertible_linear import Matrix
from tfwolf.bijectors.masked_inverse import MaskedInverse, RowByRow
from tfwolf.bijectors.matrix import FullMatrix
from tfwolf.bijectors.transforms import Transform
from tfwolf.core.parts import register
from tfwolf.flows.factor_out import Conventional, FactorOut
from tfwolf.flows.fine_multiscale import FineMultiScale
from tfwolf.flows.image_flow import ImageFlow
from tfwolf.flows.layer_options import LayerOptions
from tfwolf.flows.macow_step import MaCowStep
from tfwolf.nets.coupling_nets import ConvCouplingNet
from tfwolf.nets.protocol import CouplingNetworkFactory


@register
class MaCow(ImageFlow):
    """Masked convolutions and couplings, with fine-grained multi-scale; keeps the image's shape.

    The structure is that of `RefinedGlow`. In front of each pair of couplings, two units transform
    all channels of every pixel, with parameters from the pixels above, below, left and right of it.

    Images pass forward at once. The inverse of a masked convolution is sequential: a step inverts
    eight of them over the rows and eight over the columns of the image; see `RowByRow` and
    `FixedPoint`.

    Args:
        image_shape: (height, width, channels) of x.
        condition_dim: size of z, or 0 for a flow without one.
        num_steps, hidden_channels, matrix, factors, factor_out_transform, factor_out, net,
            condition_channels, conditioned_levels: as in `RefinedGlow`. `hidden_channels` is the
            width of the couplings' networks; masked convolutions on C channels have the width 4 C,
            or min(2 C, 512) if C is above 96.
        transform: map of couplings and masked convolutions, a `BoundedAffine` or `Additive`.
        kernel_size: (lines, pixels of each line) that a masked convolution reads.
        inverse: how masked convolutions are inverted, a `RowByRow` or a `FixedPoint`.
        seed: seed of the initial weights.
        dtype: floating type.
        compute_dtype: type of the computations inside masked convolutions, such as 'bfloat16'; None
            for `dtype`.

    Attributes:
        levels: tuple of `Level`, from the highest resolution to the lowest.

    Raises:
        ValueError: if the structure is malformed, or the image cannot be split or squeezed
            accordingly.

    Reference: Ma et al., "MaCow: Masked Convolutional Generative Flow", 2019, arXiv:1902.04208,
        with the structure of Wolf.

    >>> flow = tfwolf.MaCow(
    ...     [8, 8, 3],
    ...     condition_dim=0,
    ...     num_steps=[1, [1], 1],
    ...     hidden_channels=[8, 8, 8],
    ...     transform=tfwolf.BoundedAffine(1.0),
    ... )
    >>> v, log_det = flow.forward_and_log_det(tf.zeros([2, 8, 8, 3]))
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
        kernel_size: Sequence[int] = (2, 3),
        inverse: MaskedInverse = RowByRow(),
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        condition_channels: int = 0,
        conditioned_levels: Sequence[int] | None = None,
        compute_dtype: str | tf.DType | None = None,
        name: str = 'macow',
    ) -> None:
        if not isinstance(kernel_size, (list, tuple)) or len(kernel_size) != 2:
            raise ValueError(
                '`kernel_size` must be (lines, pixels of each line); got '
                f'kernel_size={kernel_size!r}.'
            )
        structure = FineMultiScale(
            MaCowStep(kernel_size, inverse, compute_dtype),
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
