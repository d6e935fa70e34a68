"""Builds Real NVP: couplings by checkerboard and by channel, batch norm between them, half of the dimensions factored out at each scale."""
import tensorflow as tf

from tfwolf import seeds, validate
from tfwolf.bijectors.base import per_example
from tfwolf.bijectors.batch_norm import BatchNormFlow
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.channel_split import ChannelSplit
from tfwolf.bijectors.checkerboard import Checkerboard
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.factor_out import Conventional
from tfwolf.bijectors.glow import check_levels
from tfwolf.bijectors.levels import Level
from tfwolf.bijectors.logit import Logit
from tfwolf.bijectors.multiscale import MultiScaleSplit
from tfwolf.bijectors.scales import ExpAffine
from tfwolf.bijectors.squeeze import Squeezed, check_squeezable
from tfwolf.nets.residual_coupling_net import ResidualCouplingNet
from tfwolf.variables import count_parameters

COUPLINGS_PER_GROUP = 3
COUPLINGS_OF_LAST_SCALE = 4


class RealNVP(Chain):
    """The flow of Real NVP on images in [-1, 1]; keeps the image's shape.

    After the logit each scale but the last has three couplings by checkerboard, a squeeze, three couplings by channel, and a factor-out of
    half of the dimensions; the last has four couplings by checkerboard. Masks alternate. A batch norm follows each coupling. The networks
    are residual; their width doubles with every squeeze.

    Args:
        image_shape: (height, width, channels) of x.
        condition_dim: size of a condition for all networks, such as a one-hot label, or 0.
        num_scales: number of scales, at least 1; `num_scales - 1` squeezes.
        hidden_channels: width of the networks at full resolution.
        num_blocks: residual blocks of each network.
        factor_out: which dimensions leave.
        alpha: of the logit.
        lag: whether batch norm's training uses lagged statistics (appendix E).
        weight_scale_l2: L2 coefficient on the lengths of kernels and the factors of log-scales, added to the loss in bits per dimension.
        seed: seed of the initial weights.
        dtype: floating type.
        compute_dtype: type that the networks compute in, such as 'bfloat16'; None for `dtype`.

    Attributes:
        levels: tuple of `Level`, the image's side first.

    Raises:
        ValueError: if a side is odd where a checkerboard or squeeze needs it even, or an argument breaks its rule.

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017, arXiv:1605.08803, sections 3.6 and 4.1.
    """

    normalizes_over_batch = True

    def __init__(self, image_shape, condition_dim, num_scales, hidden_channels, num_blocks, factor_out=Conventional(), alpha=0.05,
                 lag=False, weight_scale_l2=5e-5, seed=0, dtype=tf.float32, compute_dtype=None, name='real_nvp'):
        validate.integer('num_scales', num_scales, minimum=1)
        validate.real('weight_scale_l2', weight_scale_l2, minimum=0)
        check_levels(image_shape, num_scales - 1)
        nets, rows = [], []
        # Of each block two convolutions, normalised and rectified; the skips' sum.
        arrays = 6 * num_blocks + 4

        def couplings(splits, hidden, place):
            layers = []
            for number, split in enumerate(splits):
                net = ResidualCouplingNet(split.conditioning_channels, hidden, num_blocks, 2 * split.transformed_channels, condition_dim,
                                          seeds.derive(seed, *place, number), dtype, compute_dtype)
                nets.append(net)
                channels = getattr(split, 'channels', split.conditioning_channels)
                layers += [Coupling(split, net, ExpAffine(), dtype=dtype), BatchNormFlow(channels, lag=lag, dtype=dtype)]
            return layers

        def scale(index, height, width, channels):
            hidden = hidden_channels * 2 ** index
            is_last = index == num_scales - 1
            count = COUPLINGS_OF_LAST_SCALE if is_last else COUPLINGS_PER_GROUP
            boards = [Checkerboard(height, width, channels, swapped=number % 2 == 1) for number in range(count)]
            layers = couplings(boards, hidden, ('checkerboard', index))
            rows.append(Level(index, height, width, channels, 1, count, hidden, arrays, channels if is_last else 0,
                              sum(map(count_parameters, layers))))
            if is_last:
                return Chain(layers, name=f'scale{index}')
            height, width, channels = height // 2, width // 2, 4 * channels
            kept = channels // 2 if factor_out.splits else channels
            splits = [ChannelSplit(channels, up=number % 2 == 0) for number in range(COUPLINGS_PER_GROUP)]
            inner = couplings(splits, 2 * hidden, ('channel', index))
            rows.append(Level(index, height, width, channels, 1, COUPLINGS_PER_GROUP, 2 * hidden, arrays, channels - kept,
                              sum(map(count_parameters, inner))))
            inner += factor_out.layers((height, width, channels), 1, seeds.derive(seed, 'factor out', index), dtype)
            rest = scale(index + 1, height, width, kept)
            inner.append(MultiScaleSplit(rest, 0, kept, channels, name='kept') if kept < channels else rest)
            return Chain([*layers, Squeezed(Chain(inner, name='squeezed_part'))], name=f'scale{index}')

        check_squeezable(*(side // 2 ** (num_scales - 1) for side in image_shape[:2]))
        flow = scale(0, *image_shape)
        super().__init__([Logit(alpha, dtype=dtype), flow], name=name)
        self.levels = tuple(rows)
        self.preparation = factor_out.preparation
        self._weight_scale_l2 = weight_scale_l2
        # A function: the nets belong to their couplings.
        self._weight_scales = lambda: [scale for net in nets for scale in net.weight_scales()]

    def auxiliary_losses(self, v, condition=None):
        """Returns the L2 term of the weight scales, `{'weight_scales': [batch]}`; see `FlowBijector`."""
        if not self._weight_scale_l2:
            return {}
        squares = [tf.reduce_sum(tf.square(scale)) for scale in self._weight_scales()]
        return {'weight_scales': per_example(self._weight_scale_l2 * tf.add_n(squares), v)}
