"""The surface through four images of Real NVP (equation 19)."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfwolf.analysis.coder import Coder, Decoded
from tfwolf.analysis.image_code import AnyCode
from tfwolf.core import validate


def circle(num_angles: int) -> list[np.ndarray]:
    """Return cosine and sine of 0, 2 pi / n, ..., `[num_angles]` each; exact at right angles.

    Args:
        num_angles: n, a multiple of 4, so that the right angles are included.

    Raises:
        ValueError: if n is not a positive multiple of 4.
    """
    if validate.integer('num_angles', num_angles, minimum=4) % 4:
        raise ValueError(
            '`num_angles` must be a multiple of 4, so that the four images are on the surface; '
            f'got {num_angles}.'
        )
    quarters = np.arange(num_angles) / (num_angles / 4)
    exact = np.array([1.0, 0.0, -1.0, 0.0])
    both = [function(quarters * (np.pi / 2)) for function in (np.cos, np.sin)]
    for values, shift in zip(both, (0, 3)):
        values[:: num_angles // 4] = np.roll(exact, -shift)
    return both


def manifold(coder: Coder, code: AnyCode, num_angles: int) -> Decoded:
    """Return the `Decoded` images of cos p (cos q c1 + sin q c2) + sin p (cos q c3 + sin q c4).

    The angles p and q go once around the circle. c is v and, where z has a prior, the noise that
    the prior maps to z: such combinations of standard normal points are standard normal again,
    which does not hold for z itself. A z of class labels is combined directly. The four images are
    at (p, q) = (0, 0), (0, pi / 2), (pi / 2, 0) and (pi / 2, pi / 2).

    Args:
        coder: a `Coder`.
        code: the `Code` of four images.
        num_angles: number of values of p and of q, a multiple of 4.

    Returns:
        `Decoded` with images `[num_angles, num_angles, height, width, channels]`, p along the
            first axis, and finite `[num_angles, num_angles]`.

    Raises:
        ValueError: if there are not four images, `num_angles` is not a multiple of 4, or the model
            has a condition.

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017,
        arXiv:1605.08803, equation 19.
    """
    coder.model.check_unconditional('The surface through four images')
    if len(code.v) != 4:
        raise ValueError(f'The surface requires four images; got {len(code.v)}.')
    cosines, sines = circle(num_angles)

    def surface(part: np.ndarray) -> np.ndarray:
        first, second = (
            np.stack([c * part[2 * half] + s * part[2 * half + 1] for c, s in zip(cosines, sines)])
            for half in (0, 1)
        )
        return np.concatenate([c * first + s * second for c, s in zip(cosines, sines)]).astype(
            part.dtype
        )

    z, latent = None, coder.model.latent
    if code.z is not None and latent.has_posterior:
        noise = latent.to_noise(tf.constant(code.z)).numpy()
        z = np.array(latent.from_noise(tf.constant(surface(noise))))
        # The z of the four images are set exactly, not as they return through the prior.
        quarter = num_angles // 4
        z[[0, quarter, quarter * num_angles, quarter * num_angles + quarter]] = code.z
    elif code.z is not None:
        z = surface(code.z)
    decoded = coder.decode(z, surface(code.v))
    return Decoded(
        decoded.images.reshape(num_angles, num_angles, *decoded.images.shape[1:]),
        decoded.finite.reshape(num_angles, num_angles),
    )
