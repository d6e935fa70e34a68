"""Real NVP: checkerboard and channel couplings with batch norm, in a multi-scale architecture."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.batch_norm import BatchNormFlow
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.channel_split import ChannelSplit
from tfwolf.bijectors.checkerboard import Checkerboard
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.log_det_terms import per_example
from tfwolf.bijectors.logit import Logit
from tfwolf.bijectors.multiscale import MultiScaleSplit
from tfwolf.bijectors.squeeze import Squeezed, check_squeezable
from tfwolf.bijectors.transforms import ExpAffine
from tfwolf.core import seeds, validate
from tfwolf.core.parts import register
from tfwolf.core.variables import count_parameters
from tfwolf.flows.factor_out import Conventional, FactorOut
from tfwolf.flows.image_flow import ImageFlow
from tfwolf.flows.levels import Level, check_image_shape, mean_hidden_arrays, networks
from tfwolf.nets.condition import Condition
from tfwolf.nets.protocol import CouplingNetworkFactory, weight_scales
from tfwolf.nets.residual_coupling_net import ResidualCouplingNet

COUPLINGS_PER_GROUP = 3
COUPLINGS_OF_LAST_SCALE = 4


@register
class RealNVP(ImageFlow):
    """The Real NVP flow on images in [-1, 1]; keeps the image's shape.

    A logit is followed by the scales. Each scale but the last has three checkerboard couplings, a
    squeeze, three channel couplings, and a factor-out of half of the dimensions. The last scale has
    four checkerboard couplings. Masks alternate, and a batch norm follows each coupling. The width
    of the networks doubles with every squeeze.

    Args:
        image_shape: (height, width, channels) of x.
        condition_dim: size of the condition of all networks, such as a one-hot label, or 0.
        num_scales: number of scales, at least 1; there are `num_scales - 1` squeezes.
        hidden_channels: width of the networks at full resolution.
        net: factory of the couplings' networks; see `CouplingNetworkFactory`. Its output is used as
            `[shift, log_scale]` directly, so the network should bound the log-scale, like
            `ResidualCouplingNet`.
        factor_out: selection of the dimensions that leave the flow.
        alpha: parameter of the logit.
        lag: whether batch norm uses lagged statistics in training (appendix E).
        weight_scale_l2: L2 coefficient on the networks' `weight_scales()` (lengths of kernels and
            factors of log-scales), added to the loss in bits per dimension.
        seed: seed of the initial weights.
        dtype: floating type.

    Attributes:
        levels: tuple of `Level`, from the highest resolution to the lowest.

    Raises:
        ValueError: if a side is odd where a checkerboard or squeeze needs an even one, or an
            argument is invalid.

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017,
        arXiv:1605.08803, sections 3.6 and 4.1.

    >>> flow = tfwolf.RealNVP([8, 8, 3], condition_dim=0, num_scales=2, hidden_channels=8)
    >>> v, log_det = flow.forward_and_log_det(tf.zeros([2, 8, 8, 3]))
    >>> v.shape, log_det.shape
    (TensorShape([2, 8, 8, 3]), TensorShape([2]))
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        condition_dim: int,
        num_scales: int,
        hidden_channels: int,
        net: CouplingNetworkFactory = ResidualCouplingNet,
        factor_out: FactorOut = Conventional(),
        alpha: float = 0.05,
        lag: bool = False,
        weight_scale_l2: float = 5e-5,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        name: str = 'real_nvp',
    ) -> None:
        validate.integer('num_scales', num_scales, minimum=1)
        validate.real('weight_scale_l2', weight_scale_l2, minimum=0)
        check_image_shape(image_shape, num_scales - 1)
        transform = ExpAffine()
        rows: list[Level] = []

        def couplings(
            splits: Sequence[Checkerboard | ChannelSplit], hidden: int, place: tuple[str, int]
        ) -> list[FlowBijector]:
            layers = []
            for number, split in enumerate(splits):
                outputs = transform.outputs_per_channel * split.transformed_channels
                made = net(
                    in_channels=split.conditioning_channels,
                    hidden_channels=hidden,
                    out_channels=outputs,
                    condition_dim=condition_dim,
                    seed=seeds.derive(seed, *place, number),
                    dtype=dtype,
                )
                channels = getattr(split, 'channels', split.conditioning_channels)
                layers += [
                    Coupling(split, made, transform, dtype=dtype),
                    BatchNormFlow(channels, lag=lag, dtype=dtype),
                ]
            return layers

        def scale(index: int, height: int, width: int, channels: int) -> Chain:
            hidden = hidden_channels * 2**index
            is_last = index == num_scales - 1
            count = COUPLINGS_OF_LAST_SCALE if is_last else COUPLINGS_PER_GROUP
            boards = [
                Checkerboard(height, width, channels, swapped=number % 2 == 1)
                for number in range(count)
            ]
            layers = couplings(boards, hidden, ('checkerboard', index))
            leaving = channels if is_last else 0
            rows.append(
                Level(
                    index,
                    height,
                    width,
                    channels,
                    1,
                    count,
                    hidden,
                    mean_hidden_arrays(layers, hidden),
                    leaving,
                    sum(map(count_parameters, layers)),
                )
            )
            if is_last:
                return Chain(layers, name=f'scale{index}')
            height, width, channels = height // 2, width // 2, 4 * channels
            kept = channels // 2 if factor_out.splits else channels
            splits = [
                ChannelSplit(channels, up=number % 2 == 0) for number in range(COUPLINGS_PER_GROUP)
            ]
            inner = couplings(splits, 2 * hidden, ('channel', index))
            rows.append(
                Level(
                    index,
                    height,
                    width,
                    channels,
                    1,
                    COUPLINGS_PER_GROUP,
                    2 * hidden,
                    mean_hidden_arrays(inner, 2 * hidden),
                    channels - kept,
                    sum(map(count_parameters, inner)),
                )
            )
            inner += factor_out.layers(
                (height, width, channels), 1, seeds.derive(seed, 'factor out', index), dtype
            )
            rest = scale(index + 1, height, width, kept)
            inner.append(
                MultiScaleSplit(rest, 0, kept, channels, name='kept') if kept < channels else rest
            )
            return Chain(
                [*layers, Squeezed(Chain(inner, name='squeezed_part'))], name=f'scale{index}'
            )

        check_squeezable(*(side // 2 ** (num_scales - 1) for side in image_shape[:2]))
        flow = scale(0, *image_shape)
        super().__init__(
            [Logit(alpha, dtype=dtype), flow], image_shape, rows, factor_out, name=name
        )
        self._weight_scale_l2 = weight_scale_l2

    @property
    def has_auxiliary_losses(self) -> bool:
        """Whether the weight scales are regularised."""
        return self._weight_scale_l2 > 0

    @property
    def auxiliary_losses_read_v(self) -> bool:
        """False: only weights are regularised."""
        return False

    def auxiliary_losses(
        self, v: tf.Tensor, condition: Condition | None = None
    ) -> dict[str, tf.Tensor]:
        """Return the L2 penalty of the weight scales, `{'weight_scales': [batch]}`.

        Empty without penalty. See `FlowBijector.auxiliary_losses`.
        """
        scales = (
            [scale for net in networks(self.layers) for scale in weight_scales(net)]
            if self._weight_scale_l2
            else []
        )
        if not scales:
            return {}
        squares = [tf.reduce_sum(tf.square(scale)) for scale in scales]
        return {'weight_scales': per_example(self._weight_scale_l2 * tf.add_n(squares), v)}
