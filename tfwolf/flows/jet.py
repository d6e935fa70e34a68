"""Jet: couplings with vision transformers on patches, without multi-scale structure."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.channel_split import ChannelSplit
from tfwolf.bijectors.invertible_linear import Matrix
from tfwolf.bijectors.matrix import FullMatrix
from tfwolf.bijectors.reordered import Reordered
from tfwolf.bijectors.repeat import Repeat
from tfwolf.bijectors.squeeze import Squeezed
from tfwolf.bijectors.transforms import ShiftAndScale, Transform
from tfwolf.core import seeds, validate
from tfwolf.core.parts import accepts, register
from tfwolf.core.variables import count_parameters
from tfwolf.flows.dimension_splits import split_order
from tfwolf.flows.factor_out import Conventional
from tfwolf.flows.image_flow import ImageFlow
from tfwolf.flows.layer_options import LayerOptions
from tfwolf.flows.levels import Level, check_image_shape, mean_hidden_arrays, networks
from tfwolf.nets.protocol import CouplingNetwork
from tfwolf.nets.vision_transformer import VisionTransformer


@register
class Jet(ImageFlow):
    """Couplings on patches of an image, each with a vision transformer; keeps the image's shape.

    Patches become channels. Each coupling transforms one half of all dimensions given the other
    half: four couplings split by a random choice of channels, the fifth by patches (see
    `split_order`). There is no multi-scale structure. Couplings with the paper's `ShiftAndScale()`
    stretch x at most twofold each, so that 16 to 32 are needed, or an actnorm.

    Args:
        image_shape: (height, width, channels) of x.
        condition_dim: size of z, or 0 for a flow without one.
        num_couplings: number of couplings.
        hidden_channels: width of the couplings' networks.
        patch_size: side of the patches, in pixels.
        transform: map of the couplings.
        net: factory of the couplings' networks; see `CouplingNetworkFactory`. It receives
            `num_tokens`, the number of patches, if it accepts this argument.
        actnorm: whether an actnorm is in front of each coupling.
        matrix: None, or the class of the matrices of 1x1 convolutions of the patches in front of
            each coupling, `FullMatrix` or `PLUMatrix`.
        conditioned: (first, end): z enters the couplings first, ..., end - 1; None for all.
        seed: seed of the initial weights and of the fixed choices of channels.
        dtype: floating type.
        condition_channels: number of channels of the condition's image, which has the size of x; 0
            for none. It is squeezed to patches as x is.

    Attributes:
        levels: tuple of `Level`: one, or up to three with `conditioned`, in the order of x.

    Raises:
        ValueError: if a size is not allowed, or the image cannot be cut into an even number of
            rows and columns of patches with an even number of channels.

    Reference: Kolesnikov, Pinto and Tschannen, "Jet: A Modern Transformer-Based Normalizing Flow",
        2024, arXiv:2412.15129, section 3; with z: Wolf, section 3.2.

    >>> flow = tfwolf.Jet([8, 8, 3], condition_dim=4, num_couplings=5, hidden_channels=8)
    >>> v, log_det = flow.forward_and_log_det(tf.zeros([2, 8, 8, 3]), tf.zeros([2, 4]))
    >>> v.shape, log_det.shape
    (TensorShape([2, 8, 8, 3]), TensorShape([2]))
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        condition_dim: int,
        num_couplings: int,
        hidden_channels: int,
        patch_size: int = 4,
        transform: Transform = ShiftAndScale(),
        net: Callable[..., CouplingNetwork] = VisionTransformer,
        actnorm: bool = False,
        matrix: Matrix | None = None,
        conditioned: Sequence[int] | None = None,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        condition_channels: int = 0,
        name: str = 'jet',
    ) -> None:
        validate.integer('num_couplings', num_couplings, minimum=1)
        shape = _patched(image_shape, patch_size)
        if accepts(net, 'num_tokens'):
            net = functools.partial(net, num_tokens=shape[0] * shape[1])
        options = LayerOptions(
            condition_dim,
            patch_size**2 * condition_channels,
            transform,
            matrix or FullMatrix,
            net,
            dtype,
        )
        first, end = _conditioned(conditioned, num_couplings)

        def step(options: LayerOptions, seed: int, order: np.ndarray) -> Chain:
            channels = shape[2]
            coupling = options.coupling(
                ChannelSplit(channels), hidden_channels, seeds.derive(seed, 'coupling')
            )
            layers: list[FlowBijector] = []
            if actnorm:
                layers.append(options.actnorm(channels, seeds.derive(seed, 'actnorm')))
            if matrix is not None:
                layers.append(options.conv1x1(channels, seeds.derive(seed, 'conv1x1')))
            return Chain([*layers, Reordered(order, coupling)], name='jet_step')

        groups, rows = [], []
        for begin, stop in ((0, first), (first, end), (end, num_couplings)):
            if begin == stop:
                continue
            own = options if begin == first else options._replace(condition_dim=0)
            group = Repeat(
                functools.partial(step, own),
                stop - begin,
                seeds.derive(seed, 'couplings', begin),
                name='steps',
                differences=[split_order(index, shape, seed) for index in range(begin, stop)],
            )
            groups.append(group)
            rows.append(
                Level(
                    0,
                    *shape,
                    stop - begin,
                    len(networks([group])),
                    hidden_channels,
                    mean_hidden_arrays([group], hidden_channels),
                    shape[2] if stop == num_couplings else 0,
                    count_parameters(group),
                )
            )
        layers = [Squeezed(Chain(groups, name='patches'), block=patch_size)]
        super().__init__(layers, image_shape, rows, Conventional(), name=name)


def _patched(image_shape: Sequence[int], patch_size: int) -> tuple[int, int, int]:
    """Return (height, width, channels) of the image of patches."""
    validate.integer('patch_size', patch_size, minimum=1)
    check_image_shape(image_shape, 0)
    height, width, channels = image_shape
    if height % (2 * patch_size) or width % (2 * patch_size):
        raise ValueError(
            '`patch_size` must cut the image into an even number of rows and columns of patches; '
            f'got patch_size={patch_size} for an image of {height}x{width} pixels.'
        )
    if patch_size**2 * channels % 2:
        raise ValueError(
            '`patch_size` must give patches with an even number of values, half of which '
            f'condition; got patch_size={patch_size} for {channels} channels.'
        )
    return height // patch_size, width // patch_size, patch_size**2 * channels


def _conditioned(conditioned: Sequence[int] | None, num_couplings: int) -> tuple[int, int]:
    """Return the first coupling with z, and the first one after them without it."""
    if conditioned is None:
        return 0, num_couplings
    if (
        not isinstance(conditioned, (list, tuple))
        or len(conditioned) != 2
        or not all(isinstance(place, int) for place in conditioned)
        or not 0 <= conditioned[0] < conditioned[1] <= num_couplings
    ):
        raise ValueError(
            '`conditioned` must be None or (first, end) with 0 <= first < end <= num_couplings='
            f'{num_couplings}; got conditioned={conditioned!r}.'
        )
    first, end = conditioned
    return first, end
