"""Images from a part of their pixels, or from noisy ones, by MAP or Langevin steps in v and z."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
import tensorflow as tf

from tfwolf.analysis import langevin
from tfwolf.analysis.coder import decode_and_check
from tfwolf.analysis.known_pixels import checked, filled
from tfwolf.analysis.langevin import Point
from tfwolf.core import seeds, validate
from tfwolf.core.image_noise import image_seeds, normal_per_image, uniform_per_image
from tfwolf.models.generation import Array
from tfwolf.models.wolf import Wolf
from tfwolf.nets.condition import Condition

# Purposes of the noise of an image and step.
PROPOSAL, ACCEPTANCE, PROBE = (0, 1), 2, 3
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
        self._first = tf.function(self._first_point, autograph=False)
        self._probe = tf.function(self._squared_derivatives, autograph=False)
        self._restart = tf.function(self._restarted, autograph=False)
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

    def _first_point(self, images: tf.Tensor, target: tf.Tensor, mask: tf.Tensor) -> Point:
        """Return the `Point` of images in which unknown pixels are filled in."""
        z, v = self.model.encode(images)
        return self._point((v,) if z is None else (v, self.model.latent.to_noise(z)), target, mask)

    def _squared_derivatives(
        self, point: Point, noise_seeds: tf.Tensor, mask: tf.Tensor
    ) -> list[tf.Tensor]:
        """Return an estimate of the sum over known pixels of the squared derivative by each part.

        It is the squared derivative of a sum with random signs, whose mean is that sum.
        """
        signs = tf.sign(normal_per_image(self.model.image_shape, noise_seeds, PROBE, mask.dtype))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(point.parts)
            total = tf.reduce_sum(signs * mask * self._decode(point.parts))
        return [tf.square(part) for part in _gradients(tape, total, point.parts)]

    def _sensitivities(
        self, point: Point, seed: int, number: int, images: np.ndarray, mask: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        """Return the mean of a few `_squared_derivatives`, one tensor for each part."""
        probes = [
            self._probe(point, _seeds(seed, f'probe {probe}', number, images), mask)
            for probe in range(PROBES)
        ]
        return tuple(tf.add_n(of_part) / PROBES for of_part in zip(*probes))

    def _restarted(
        self, point: Point, noise_seeds: tf.Tensor, target: tf.Tensor, mask: tf.Tensor
    ) -> Point:
        """Return the `Point` with another v, drawn from its prior, and the same z."""
        v, *others = point.parts
        drawn = normal_per_image(_shape(v), noise_seeds, PROPOSAL[0], v.dtype)
        return self._point((drawn, *others), target, mask)

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
                normal_per_image(_shape(part), noise_seeds, purpose, part.dtype)
                for part, purpose in zip(point.parts, PROPOSAL)
            ]
            draw = uniform_per_image([], noise_seeds, ACCEPTANCE, size.dtype)
        sizes = langevin.step_sizes(size, sensitivities, std)
        new = self._point(langevin.proposed(point, sizes, std, noise), target, mask)
        moved = langevin.accepted(point, new, sizes, std, draw)
        return (
            langevin.chosen(moved, new, point),
            langevin.adapted(size, moved, self._langevin),
            moved,
        )

    def _point(self, parts: tuple[tf.Tensor, ...], target: tf.Tensor, mask: tf.Tensor) -> Point:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(parts)
            difference = mask * (self._decode(parts) - target)
            misfit = tf.reduce_sum(tf.square(difference), axis=[1, 2, 3])
        return Point(parts, misfit, _gradients(tape, misfit, parts))

    def _decode(self, parts: tuple[tf.Tensor, ...]) -> tf.Tensor:
        """Return x, `[batch, height, width, channels]`."""
        return self.model.flow.inverse_and_log_det(parts[0], self._condition(parts))[0]

    def _condition(self, parts: tuple[tf.Tensor, ...]) -> Condition | None:
        """Return what the flow is conditioned on, the z of the parts."""
        latent = self.model.latent
        z = latent.from_noise(parts[1]) if latent.has_z else None
        return self.model.flow_condition(z, None)

    def _completed(
        self,
        point: Point,
        images: np.ndarray,
        known: np.ndarray,
        noisy: bool,
        share_moved: np.ndarray,
    ) -> Completed:
        model, condition = self.model, self._condition(point.parts)
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


def _gradients(
    tape: tf.GradientTape, of: tf.Tensor, parts: tuple[tf.Tensor, ...]
) -> tuple[tf.Tensor, ...]:
    """Return the gradient with respect to each part, zeros for one that has no effect."""
    zero = tf.UnconnectedGradients.ZERO
    return tuple(cast(list, tape.gradient(of, list(parts), unconnected_gradients=zero)))


def _shape(part: tf.Tensor) -> tuple[int, ...]:
    """Return the shape of one image's part."""
    return validate.static_shape('part', part.shape[1:])


def _seeds(seed: int, purpose: str, number: int, images: np.ndarray) -> tf.Tensor:
    """Return the seeds of the images' noise in a step, `[num_images, 2]`."""
    return image_seeds(seeds.derive(seed, 'inpaint', purpose, number), len(images))
