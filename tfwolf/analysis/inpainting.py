"""Images from a part of their pixels, or from noisy ones, by MAP or Langevin steps in v and z."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfwolf.analysis import langevin
from tfwolf.analysis.coder import decode_and_check
from tfwolf.analysis.known_pixels import checked, filled
from tfwolf.analysis.langevin import Point
from tfwolf.analysis.pixel_misfit import ACCEPTANCE, PARTS, PixelMisfit, normal_like
from tfwolf.core import seeds, validate
from tfwolf.core.image_noise import image_seeds, uniform_per_image
from tfwolf.models.generation import Array
from tfwolf.models.wolf import Wolf

# Standard deviations of the known pixels, in units of x in [-1, 1]: the first, and the last, which
# is half a color value of 8 bits.
FIRST_STD, LAST_STD = 1.0, 1 / 256
FIRST_STEP = 0.1
# Random directions from which the sensitivity of known pixels is estimated, and the steps from one
# estimate to the next.
PROBES, PROBE_EVERY = 4, 50


class Completed(NamedTuple):
    """Images that agree with given pixels.

    Attributes:
        images: uint8 `[num_images, height, width, channels]`.
        finite: bool `[num_images]`, whether all values of an image are finite.
        error: root mean square error of the known pixels before they are set to the given values,
            in 0..255, `[num_images]`; NaN for an image without known pixels.
        accepted: share of accepted steps, `[num_images]`.
    """

    images: np.ndarray
    finite: np.ndarray
    error: np.ndarray
    accepted: np.ndarray


class Inpainter:
    """Finds v and z whose image agrees with known pixels.

    The energy of v and of the noise e of z, z = prior(e), is

        |v|^2 / 2 + |e|^2 / 2 + sum over known pixels (x(v, z) - y)^2 / (2 std^2)

    in nats, the negative log-density of both given pixels y with normal noise, up to a constant.
    `std` falls from `FIRST_STD` to that of the noise, so that early steps can move far. MAP takes
    steps down the gradient that lower the energy. Langevin takes Metropolis-adjusted Langevin
    steps, which leave the density at each `std` unchanged, and starts at a random v: at the code of
    a filled image it would stay smooth. The size of a step adapts for each image, and is smaller
    for variables that known pixels depend on more.

    Args:
        model: an initialized `Wolf` without condition and class labels.
        num_steps: number of steps, at least 1; each decodes the images once and differentiates.
        samples: whether to draw samples by Langevin; otherwise MAP.

    Raises:
        ValueError: if the model or an argument is not allowed.

    Reference: Dinh, Krueger and Bengio, "NICE", 2014, arXiv:1410.8516, section 5.2, who take
        gradient steps in pixels.
    """

    def __init__(self, model: Wolf, num_steps: int = 500, samples: bool = True) -> None:
        model.check_unconditional('Inpainting')
        if model.latent.needs_labels or model.values.is_continuous:
            raise ValueError(
                'Inpainting needs a model of color values whose z does not come from class labels; '
                f'got {type(model.latent).__name__} and num_bits={model.num_bits}.'
            )
        self.model = model
        self._num_steps = validate.integer('num_steps', num_steps, minimum=1)
        self._langevin = samples
        self._misfit = PixelMisfit(model)
        self._first = tf.function(self._misfit.at_code, autograph=False)
        self._restart = tf.function(self._misfit.at_random, autograph=False)
        self._probe = tf.function(self._misfit.squared_derivatives, autograph=False)
        self._step = tf.function(self._next_point, autograph=False)

    def __call__(
        self,
        images: Array,
        known: Array,
        seed: int = 0,
        noise_std: float = 0.0,
        progress: Callable[[int], object] | None = None,
    ) -> Completed:
        """Return the `Completed` images.

        Args:
            images: uint8 `[num_images, height, width, channels]`; unknown pixels are not read.
            known: bool `[num_images, height, width]` or `[height, width]`, the known pixels.
            seed: integer; the noise of image i depends on it and on i.
            noise_std: standard deviation of normal noise in the known pixels, of 255. 0 for exact
                pixels, which are kept exactly; noisy ones are restored like unknown ones.
            progress: called with 1 after each step; optional.

        Raises:
            ValueError: if `known` has another shape or type, or `noise_std` is negative.
        """
        images = np.asarray(images)
        known = checked(known, images)
        if not 0 <= noise_std < math.inf:
            raise ValueError(f'`noise_std` must be at least 0; got {noise_std}.')
        start = filled(images, known)
        last = max(LAST_STD, 2 * noise_std / 255)
        stds = np.geomspace(max(FIRST_STD, last), last, self._num_steps)
        dtype = self.model.dtype
        given = self.model.bin_centers(start), tf.constant(known, dtype)
        point = self._first(tf.constant(start), *given)
        if self._langevin:
            point = self._restart(point, _seeds(seed, 'start', 0, images), *given)
        size = tf.fill([len(images)], tf.constant(FIRST_STEP, dtype))
        num_moved, sensitivities = np.zeros(len(images)), ()
        for number, std in enumerate(stds):
            if number % PROBE_EVERY == 0:
                # The result of MAP does not depend on the seed.
                probe_seed = seed if self._langevin else 0
                sensitivities = self._sensitivities(point, probe_seed, number, images, given[1])
            point, size, moved = self._step(
                point,
                size,
                sensitivities,
                tf.constant(std, dtype),
                _seeds(seed, 'step', number, images),
                *given,
            )
            num_moved += moved.numpy()
            if progress:
                progress(1)
        return self._completed(point, images, known, noise_std > 0, num_moved / self._num_steps)

    def _sensitivities(
        self, point: Point, seed: int, number: int, images: np.ndarray, mask: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        """Return the mean of a few `squared_derivatives`, one tensor for each part."""
        probes = [
            self._probe(point, _seeds(seed, f'probe {probe}', number, images), mask)
            for probe in range(PROBES)
        ]
        return tuple(tf.add_n(of_part) / PROBES for of_part in zip(*probes))

    def _next_point(
        self,
        point: Point,
        size: tf.Tensor,
        sensitivities: tuple[tf.Tensor, ...],
        std: tf.Tensor,
        noise_seeds: tf.Tensor,
        target: tf.Tensor,
        mask: tf.Tensor,
    ) -> tuple[Point, tf.Tensor, tf.Tensor]:
        """Return the next `Point`, step sizes `[batch]`, and whether each image moved."""
        noise = draw = None
        if self._langevin:
            noise = [
                normal_like(part, noise_seeds, purpose) for part, purpose in zip(point.parts, PARTS)
            ]
            draw = uniform_per_image([], noise_seeds, ACCEPTANCE, size.dtype)
        sizes = langevin.step_sizes(size, sensitivities, std)
        new = self._misfit.at(langevin.proposed(point, sizes, std, noise), target, mask)
        moved = langevin.accepted(point, new, sizes, std, draw)
        return (
            langevin.chosen(moved, new, point),
            langevin.adapted(size, moved, self._langevin),
            moved,
        )

    def _completed(
        self,
        point: Point,
        images: np.ndarray,
        known: np.ndarray,
        noisy: bool,
        share_moved: np.ndarray,
    ) -> Completed:
        model, condition = self.model, self._misfit.condition(point.parts)
        found, finite = (
            part.numpy()
            for part in decode_and_check(model.flow, condition, point.parts[0], model.values)
        )
        count = known.sum(axis=(1, 2, 3)) * images.shape[-1]
        square = (known * (found.astype(float) - images) ** 2).sum(axis=(1, 2, 3))
        with np.errstate(invalid='ignore'):
            error = np.sqrt(square / count)
        return Completed(
            found if noisy else np.where(known, images, found), finite, error, share_moved
        )


def _seeds(seed: int, purpose: str, number: int, images: np.ndarray) -> tf.Tensor:
    """Return the seeds of the images' noise in a step, `[num_images, 2]`."""
    return image_seeds(seeds.derive(seed, 'inpaint', purpose, number), len(images))
