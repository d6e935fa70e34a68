"""The misfit of known pixels as a function of v and of the noise of z."""

from __future__ import annotations

from typing import cast

import tensorflow as tf

from tfwolf.analysis.langevin import Point
from tfwolf.core import validate
from tfwolf.core.image_noise import normal_per_image
from tfwolf.models.wolf import Wolf
from tfwolf.nets.condition import Condition

# Purposes of the noise of an image and step: the parts of a point, v and e, whether a step is
# accepted, and the signs of a probe.
PARTS, ACCEPTANCE, PROBE = (0, 1), 2, 3


class PixelMisfit:
    """The sum over known pixels of (x(v, z) - y)^2, with its gradient.

    The parts of a `Point` are v and, for a model with z, the noise e of z = prior(e).

    In all methods `target` is y, floating `[batch, height, width, channels]`, in units of x in
    [-1, 1], and `mask` is 1 at known values and 0 elsewhere.

    Args:
        model: an initialized `Wolf` without condition and class labels.
    """

    def __init__(self, model: Wolf) -> None:
        self._model = model

    def at_code(self, images: tf.Tensor, target: tf.Tensor, mask: tf.Tensor) -> Point:
        """Return the `Point` of the code of images, uint8 `[batch, height, width, channels]`."""
        z, v = self._model.encode(images)
        parts = (v,) if z is None else (v, self._model.latent.to_noise(z))
        return self.at(parts, target, mask)

    def at_random(
        self, point: Point, noise_seeds: tf.Tensor, target: tf.Tensor, mask: tf.Tensor
    ) -> Point:
        """Return the `Point` with another v, drawn from its prior, and the same z."""
        v, *others = point.parts
        return self.at((normal_like(v, noise_seeds, PARTS[0]), *others), target, mask)

    def at(self, parts: tuple[tf.Tensor, ...], target: tf.Tensor, mask: tf.Tensor) -> Point:
        """Return the `Point` of the parts."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(parts)
            difference = mask * (self._decode(parts) - target)
            misfit = tf.reduce_sum(tf.square(difference), axis=[1, 2, 3])
        return Point(parts, misfit, _gradients(tape, misfit, parts))

    def squared_derivatives(
        self, point: Point, noise_seeds: tf.Tensor, mask: tf.Tensor
    ) -> list[tf.Tensor]:
        """Return an estimate of the sum over known pixels of the squared derivative by each part.

        It is the squared derivative of a sum with random signs, whose mean is that sum.
        """
        signs = tf.sign(normal_like(point.parts[0], noise_seeds, PROBE))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(point.parts)
            total = tf.reduce_sum(signs * mask * self._decode(point.parts))
        return [tf.square(part) for part in _gradients(tape, total, point.parts)]

    def condition(self, parts: tuple[tf.Tensor, ...]) -> Condition | None:
        """Return what the flow is conditioned on, the z of the parts."""
        latent = self._model.latent
        z = latent.from_noise(parts[1]) if latent.has_z else None
        return self._model.flow_condition(z, None)

    def _decode(self, parts: tuple[tf.Tensor, ...]) -> tf.Tensor:
        """Return x, `[batch, height, width, channels]`."""
        return self._model.flow.inverse_and_log_det(parts[0], self.condition(parts))[0]


def normal_like(part: tf.Tensor, noise_seeds: tf.Tensor, purpose: int) -> tf.Tensor:
    """Return standard normal noise of the shape and type of a part, a function of the seeds.

    Args:
        part: `[batch, ...]`.
        noise_seeds: int64 `[batch, 2]`.
        purpose: integer that identifies the use of the noise.
    """
    shape = validate.static_shape('part', part.shape[1:])
    return normal_per_image(shape, noise_seeds, purpose, part.dtype)


def _gradients(
    tape: tf.GradientTape, of: tf.Tensor, parts: tuple[tf.Tensor, ...]
) -> tuple[tf.Tensor, ...]:
    """Return the gradient with respect to each part, zeros for one that has no effect."""
    zero = tf.UnconnectedGradients.ZERO
    return tuple(cast(list, tape.gradient(of, list(parts), unconnected_gradients=zero)))
