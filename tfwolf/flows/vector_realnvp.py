"""Real NVP for vectors: couplings with dense networks between invertible linear maps."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfwolf.bijectors.actnorm import ActNorm
from tfwolf.bijectors.chain import Chain
from tfwolf.bijectors.channel_split import ChannelSplit
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.invertible_linear import InvertibleLinear, Matrix
from tfwolf.bijectors.matrix import FullMatrix
from tfwolf.bijectors.rational_quadratic import RationalQuadratic
from tfwolf.bijectors.repeat import Repeat
from tfwolf.bijectors.transforms import Transform
from tfwolf.core import seeds, validate
from tfwolf.core.parts import register
from tfwolf.core.variables import count_parameters
from tfwolf.flows.factor_out import Conventional
from tfwolf.flows.image_flow import ImageFlow
from tfwolf.flows.levels import Level, mean_hidden_arrays
from tfwolf.nets.protocol import CouplingNetworkFactory
from tfwolf.nets.vector_net import VectorNet

COUPLINGS_PER_STEP = 2


@register
class VectorRealNVP(ImageFlow):
    """A flow of vectors; keeps their shape.

    A step is actnorm, an invertible linear map, a coupling of the last half of the features given
    the first, and one of the first half given the last. With `transform=BoundedAffine(1.0)` the
    couplings are those of Real NVP; the default is the rational-quadratic spline, which needs fewer
    steps for densities with gaps and edges. There is nothing to squeeze, and no feature leaves
    before the end.

    A vector is an image of one pixel, `[1, 1, features]`, so that models, training and evaluation
    are those of images. A flow for `[features]` has the same layers without the pixel.

    Args:
        image_shape: (1, 1, features), or (features,). At least two features. Of larger images each
            pixel is transformed alone.
        condition_dim: size of the condition of all networks, such as z or a one-hot label, or 0.
        num_steps: number of steps, at least 1.
        hidden_channels: width of the networks.
        transform: map of the couplings.
        matrix: class of the linear maps' matrices, `FullMatrix` or `PLUMatrix`. None leaves the
            maps out, as in Real NVP: the halves of the features stay the same in all steps.
        net: factory of the couplings' networks; see `CouplingNetworkFactory`.
        seed: seed of the initial weights.
        dtype: floating type.

    Attributes:
        levels: tuple of one `Level`.

    Raises:
        ValueError: if there is only one feature, or an argument is invalid.

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017,
        arXiv:1605.08803, figure 1; the linear maps: Kingma and Dhariwal, "Glow", 2018,
        arXiv:1807.03039; the splines: Durkan et al., "Neural Spline Flows", 2019, arXiv:1906.04032.

    >>> flow = tfwolf.VectorRealNVP([5], condition_dim=0, num_steps=2, hidden_channels=8)
    >>> v, log_det = flow.forward_and_log_det(tf.ones([3, 5]))
    >>> v.shape, log_det.shape
    (TensorShape([3, 5]), TensorShape([3]))
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        condition_dim: int,
        num_steps: int,
        hidden_channels: int,
        transform: Transform = RationalQuadratic(),
        matrix: Matrix | None = FullMatrix,
        net: CouplingNetworkFactory = VectorNet,
        seed: int = 0,
        dtype: tf.DType = tf.float32,
        name: str = 'vector_real_nvp',
    ) -> None:
        if len(image_shape) not in (1, 3):
            raise ValueError(
                '`image_shape` must be (1, 1, features) or (features,); got '
                f'image_shape={image_shape!r}.'
            )
        validate.integer('num_steps', num_steps, minimum=1)
        features, ndims = image_shape[-1], len(image_shape)
        if validate.integer('image_shape', features, minimum=1) < 2:
            raise ValueError(
                '`image_shape` must have at least 2 features, because a coupling transforms one '
                f'part given another; got image_shape={image_shape!r}.'
            )

        def coupling(up: bool, seed: int) -> Coupling:
            split = ChannelSplit(features, up=up)
            made = net(
                in_channels=split.conditioning_channels,
                hidden_channels=hidden_channels,
                out_channels=split.transformed_channels * transform.outputs_per_channel,
                condition_dim=condition_dim,
                seed=seeds.derive(seed, 'coupling', up),
                dtype=dtype,
            )
            return Coupling(split, made, transform, event_ndims=ndims, dtype=dtype)

        def step(seed: int) -> Chain:
            actnorm = ActNorm(
                features, event_ndims=ndims, seed=seeds.derive(seed, 'actnorm'), dtype=dtype
            )
            couplings = [coupling(True, seed), coupling(False, seed)]
            if matrix is None:
                return Chain([actnorm, *couplings], name='step')
            linear = InvertibleLinear(
                features,
                seed=seeds.derive(seed, 'linear'),
                dtype=dtype,
                matrix=matrix,
                event_ndims=ndims,
            )
            return Chain([actnorm, linear, *couplings], name='step')

        steps = Repeat(step, num_steps, seed=seed)
        last = ActNorm(
            features, event_ndims=ndims, seed=seeds.derive(seed, 'last actnorm'), dtype=dtype
        )
        layers = [steps, last]
        height, width = (1, 1) if ndims == 1 else image_shape[:2]
        level = Level(
            0,
            height,
            width,
            features,
            num_steps,
            COUPLINGS_PER_STEP * num_steps,
            hidden_channels,
            mean_hidden_arrays(layers, hidden_channels),
            features,
            sum(map(count_parameters, layers)),
        )
        super().__init__(layers, image_shape, [level], Conventional(), name=name)
