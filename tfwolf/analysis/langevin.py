"""Steps in v and the noise of z: Metropolis-adjusted Langevin up a density, or MAP."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

# Share of accepted steps to which the step size adapts, and by how much it changes with a step.
TARGET_ACCEPTANCE = {True: 0.57, False: 0.5}
GROWTH = 0.1


class Point(NamedTuple):
    """Standard normal variables, the misfit of what they decode to, and its gradient.

    Attributes:
        parts: variables, `[batch, ...]` each.
        misfit: sum of squared differences from what is known, `[batch]`.
        gradients: of the misfit with respect to each part.
    """

    parts: tuple[tf.Tensor, ...]
    misfit: tf.Tensor
    gradients: tuple[tf.Tensor, ...]

    def energy(self, std: tf.Tensor) -> tf.Tensor:
        """Return sum |part|^2 / 2 + misfit / (2 std^2), `[batch]`, in nats."""
        return _half_squares(self.parts) + self.misfit / (2 * tf.square(std))

    def energy_gradients(self, std: tf.Tensor) -> list[tf.Tensor]:
        """Return the gradient of the energy with respect to each part."""
        return [
            part + gradient / (2 * tf.square(std))
            for part, gradient in zip(self.parts, self.gradients)
        ]


def step_sizes(
    size: tf.Tensor, sensitivities: tuple[tf.Tensor, ...], std: tf.Tensor
) -> list[tf.Tensor]:
    """Return the step size of each variable: size / (1 + sensitivity / std^2).

    The denominator is the curvature of the energy along the variable, so that variables that the
    known pixels fix take small steps, and all others large ones.

    Args:
        size: `[batch]`.
        sensitivities: sum over what is known of the squared derivative by each variable.
        std: standard deviation of what is known, a scalar.
    """
    return [_like(size, part) / (1 + part / tf.square(std)) for part in sensitivities]


def proposed(
    point: Point, sizes: list[tf.Tensor], std: tf.Tensor, noise: list[tf.Tensor] | None
) -> tuple[tf.Tensor, ...]:
    """Return part - size * gradient + sqrt(2 size) * noise, for each part.

    Args:
        point: the `Point`.
        sizes: step sizes, of the shapes of the parts.
        std: standard deviation of what is known, a scalar.
        noise: standard normal noise of the shapes of the parts; None for a step of MAP.
    """
    down = [
        part - size * gradient
        for part, size, gradient in zip(point.parts, sizes, point.energy_gradients(std))
    ]
    if noise is None:
        return tuple(down)
    return tuple(x + tf.sqrt(2 * size) * own for x, size, own in zip(down, sizes, noise))


def accepted(
    old: Point, new: Point, sizes: list[tf.Tensor], std: tf.Tensor, draw: tf.Tensor | None
) -> tf.Tensor:
    """Return whether each image moves from the old to the new `Point`, bool `[batch]`.

    Args:
        old, new: the `Point`, and that at what was `proposed` from it.
        sizes, std: as in `proposed`.
        draw: uniform in (0, 1), `[batch]`, for Langevin; None for MAP, which only goes down.

    Reference: Roberts and Tweedie, "Exponential Convergence of Langevin Distributions and Their
        Discrete Approximations", 1996, section 1.4.2.
    """
    gain = old.energy(std) - new.energy(std)
    if draw is None:
        down = gain > 0
    else:
        gain += _log_density(new, old, sizes, std) - _log_density(old, new, sizes, std)
        down = tf.math.log(draw) < gain
    # A point that is not finite has a gain that is no number, and no number is smaller.
    return down & tf.math.is_finite(new.misfit)


def adapted(size: tf.Tensor, moved: tf.Tensor, langevin: bool) -> tf.Tensor:
    """Return step sizes that grow after an accepted step and shrink after a rejected one.

    They settle where the share of accepted steps is 0.57 for Langevin (Roberts and Rosenthal,
    "Optimal Scaling of Discrete Approximations to Langevin Diffusions", 1998) and 0.5 for MAP.
    """
    target = TARGET_ACCEPTANCE[langevin]
    return size * tf.exp(GROWTH * (tf.cast(moved, size.dtype) - target) / (1 - target))


def chosen(moved: tf.Tensor, new: Point, old: Point) -> Point:
    """Return the new point of images that moved and the old one of the others."""

    def pick(new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
        return tf.where(_like(moved, new), new, old)

    return Point(
        tuple(map(pick, new.parts, old.parts)),
        pick(new.misfit, old.misfit),
        tuple(map(pick, new.gradients, old.gradients)),
    )


def _log_density(start: Point, end: Point, sizes: list[tf.Tensor], std: tf.Tensor) -> tf.Tensor:
    """Return the log-density of `end` as a proposal from `start`, up to a constant, `[batch]`."""
    down = proposed(start, sizes, std, noise=None)
    moves = [(new - x) / tf.sqrt(2 * size) for new, x, size in zip(end.parts, down, sizes)]
    return -_half_squares(moves)


def _half_squares(parts) -> tf.Tensor:
    """Return half the sum of squares of all parts, `[batch]`."""
    return tf.add_n(
        [tf.reduce_sum(tf.square(part), list(range(1, part.shape.rank))) / 2 for part in parts]
    )


def _like(values: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Return values `[batch]` in a shape that broadcasts to x."""
    return tf.reshape(values, [-1] + [1] * (x.shape.rank - 1))
