"""Images of a model onto a stack and back, with the noise of their bins and z by bits-back.

To push images, the posterior draws z with bits of the stack, and the noise u within the bins is
drawn as well; then v and the noise of z are pushed. To pop them, the same happens backwards, and
the bits that z and u were drawn with are on the stack again. The expected number of bits is the
model's bound.

Reference: Townsend, Bird and Barber, "Practical Lossless Compression with Latent Variables using
Bits Back Coding", ICLR 2019, arXiv:1901.04866; for flows Ho, Lohn and Abbeel, "Compression with
Flows via Local Bits-Back Coding", NeurIPS 2019, arXiv:1905.08500.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.coding import integer_flow
from tfwolf.coding.gaussian import pop_normal, push_normal
from tfwolf.coding.grid import Grid
from tfwolf.coding.integer_layer import Coder
from tfwolf.coding.stack import Stack
from tfwolf.core import validate
from tfwolf.data import preprocess
from tfwolf.distributions.prior import FlowPrior, NormalPrior
from tfwolf.models.gaussian_latent import GaussianLatent
from tfwolf.models.no_latent import NoLatent
from tfwolf.models.wolf import Wolf

# Bits of the noise within a bin, at least.
MIN_NOISE_BITS = 2
MAX_FRACTION_BITS = 20
SCALE_BITS_RANGE = (8, 16)


class BitsBack:
    """Pushes images onto a stack and pops them.

    Args:
        model: an initialized `Wolf` of color values whose flow and prior have integer forms.
        fraction_bits: k, fractional bits of all values; from `num_bits + 1` to 20.
        scale_bits: h, bits of the scales of layers, 8 to 16.

    Raises:
        ValueError: if the model cannot be coded, or an argument is out of range.
    """

    def __init__(self, model: Wolf, fraction_bits: int, scale_bits: int) -> None:
        check_model(model)
        self._model, self._bits = model, model.color_bits
        smallest = self._bits - 1 + MIN_NOISE_BITS
        _check_between('fraction_bits', fraction_bits, smallest, MAX_FRACTION_BITS)
        _check_between('scale_bits', scale_bits, *SCALE_BITS_RANGE)
        self._scale_bits = scale_bits
        self._grid = Grid(fraction_bits)
        # The bins of the interval [-1, 1) of the flow.
        self._places_per_bin = 2 ** (fraction_bits + 1 - self._bits)

    @property
    def bits_in_use(self) -> int:
        """Bits of the stack that pushing one image takes before it gives them back, about."""
        # v is pushed with two bits more per dimension than the grid has, one image's own included.
        return (self._grid.fraction_bits + 1) * (self._model.num_dims + self._model.latent.dim)

    def push(self, stack: Stack, images: np.ndarray) -> None:
        """Push images of the model's number of bits, uint8 `[batch, height, width, channels]`."""
        coder = Coder(stack, self._grid, self._scale_bits)
        z = None
        if self._model.latent.has_z:
            z = pop_normal(stack, *self._posterior(images), draws=True)
        bins = preprocess.to_bins(images, self._bits).numpy().astype(np.int64)
        noise = stack.pop_uniform(np.full(bins.size, self._places_per_bin)).reshape(bins.shape)
        x = bins * self._places_per_bin + noise - 2**self._grid.fraction_bits
        v = integer_flow.forward(self._model.flow, x, self._condition(z, len(images)), coder)
        self._push_standard_normal(stack, v)
        if z is not None:
            z = z.reshape(len(images), -1)
            for flow in self._prior_flows:
                z = integer_flow.forward(flow, z, None, coder)
            self._push_standard_normal(stack, z)

    def pop(self, stack: Stack, batch: int) -> np.ndarray:
        """Return the images of `push`, uint8 `[batch, height, width, channels]`.

        Raises:
            ValueError: if what is popped is no image, because the stack or the model is another
                one.
        """
        coder = Coder(stack, self._grid, self._scale_bits)
        z = None
        if self._model.latent.has_z:
            z = self._pop_standard_normal(stack, [batch, self._model.latent.dim])
            for flow in self._prior_flows:
                z = integer_flow.inverse(flow, z, None, coder)
        v = self._pop_standard_normal(stack, [batch, *self._model.image_shape])
        x = integer_flow.inverse(self._model.flow, v, self._condition(z, batch), coder)
        bins, noise = np.divmod(x + 2**self._grid.fraction_bits, self._places_per_bin)
        if bins.min() < 0 or bins.max() >= 2**self._bits:
            raise ValueError('The decoded values are no colors.')
        stack.push_uniform(noise.reshape(-1), np.full(noise.size, self._places_per_bin))
        images = self.images_of_bins(bins)
        if z is not None:
            push_normal(stack, z.reshape(-1), *self._posterior(images), draws=True)
        return images

    def images_of_bins(self, bins: np.ndarray) -> np.ndarray:
        """Return the images of integers in `0 .. 2^num_bits - 1`, of their shape."""
        x = (bins + 0.5) * 2.0 ** (1 - self._bits) - 1.0
        return self._model.values.to_images(tf.constant(x, tf.float64)).numpy()

    @property
    def _prior_flows(self) -> list[FlowBijector]:
        """The flow from z to its noise; none if z is the noise."""
        latent = self._model.latent
        prior = latent.prior if isinstance(latent, GaussianLatent) else None
        return [prior.flow] if isinstance(prior, FlowPrior) else []

    def _posterior(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of q(z|x) in units of the grid, `[n]` each."""
        posterior = self._model.posterior(images)
        std = np.exp(0.5 * posterior.log_variance.numpy().astype(np.float64))
        if not np.all(np.isfinite(std)):
            raise ValueError('The model computes a posterior of z that is not finite.')
        mean = self._grid.to_integers(posterior.mean)
        return mean.reshape(-1), (std * 2.0**self._grid.fraction_bits).reshape(-1)

    def _condition(self, z: np.ndarray | None, batch: int) -> tf.Tensor | None:
        if z is None:
            return None
        return self._grid.to_floats(z.reshape(batch, -1), self._model.dtype)

    def _push_standard_normal(self, stack: Stack, values: np.ndarray) -> None:
        push_normal(stack, values.reshape(-1), *self._standard_normal(values.size))

    def _pop_standard_normal(self, stack: Stack, shape: Sequence[int]) -> np.ndarray:
        size = int(np.prod(shape))
        return pop_normal(stack, *self._standard_normal(size)).reshape(shape)

    def _standard_normal(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(size, np.int64), np.full(size, 2.0**self._grid.fraction_bits)


def check_model(model: Wolf) -> None:
    """Check that images can be coded with a model.

    Raises:
        ValueError: if it is of continuous values, has a condition, needs labels, or has a part
            without an integer form; the message names it.
    """
    if model.values.is_continuous:
        raise ValueError(
            'Compression needs a model of color values; this one is of continuous values, which '
            'have no bits.'
        )
    model.check_unconditional('Compression')
    if not isinstance(model.latent, (GaussianLatent, NoLatent)):
        raise ValueError(
            'Compression needs a model without labels; this one has a '
            f'{type(model.latent).__name__}.'
        )
    if model.dequantizer.is_learned:
        raise ValueError(
            'Compression needs a model with uniform dequantization; this one has a '
            f'{type(model.dequantizer).__name__}.'
        )
    if isinstance(model.latent, GaussianLatent):
        prior = model.latent.prior
        if not isinstance(prior, (FlowPrior, NormalPrior)):
            raise ValueError(
                'The prior of z must be a FlowPrior or a NormalPrior to be coded; got '
                f'{type(prior).__name__}.'
            )
        if isinstance(prior, FlowPrior):
            integer_flow.check_codable(prior.flow)
    integer_flow.check_codable(model.flow)


def _check_between(name: str, value: int, low: int, high: int) -> None:
    if validate.integer(name, value, minimum=low) > high:
        raise ValueError(f'`{name}` must be at most {high}; got {name}={value}.')
