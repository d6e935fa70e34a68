"""What is between two images: the grid of h(z) by h(v), with the images and their switches in its
corners (Wolf, equation 9).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfwolf.analysis.coder import Code, Coder, Decoded
from tfwolf.core import validate
from tfwolf.models.generation import decode_grid, interpolate_codes, switch_codes


class Grid(NamedTuple):
    """Images between two.

    Attributes:
        images: uint8 `[num_alphas, num_betas, height, width, channels]`.
        finite: bool `[num_alphas, num_betas]`, as in `Decoded`.
        alphas: `[num_alphas]`, places between z of the first, 0, and of the second, 1.
        betas: `[num_betas]`, the same for v.
    """

    images: np.ndarray
    finite: np.ndarray
    alphas: np.ndarray
    betas: np.ndarray


def even_steps(num_steps: int) -> np.ndarray:
    """Returns `num_steps` even places from 0 to 1, both included, `[num_steps]`."""
    return np.linspace(0.0, 1.0, validate.integer('num_steps', num_steps, minimum=2))


def interpolation_grid(
    coder: Coder, code_a: Code, code_b: Code, alphas: Sequence[float], betas: Sequence[float]
) -> Grid:
    """Returns the `Grid` of the images of h(z) = (1 - alpha) z_a + alpha z_b and h(v) = (1 - beta)
    v_a + beta v_b.

    Its corners (0, 0) and (1, 1) are the two images, (1, 0) and (0, 1) their switches. Without z
    there is one row.

    Args:
        coder: a `Coder`.
        code_a, code_b: `Code` of one image each.
        alphas, betas: places, `[num_alphas]` and `[num_betas]`.

    Reference: Ma et al., "Decoupling Global and Local Representations via Invertible Generative
        Flows", 2021, equation 9.
    """
    # Without z, alpha has no meaning: one row.
    alphas, betas = np.asarray([0.0] if code_a.z is None else alphas), np.asarray(betas)
    images, finite = (
        np.asarray(part)
        for part in decode_grid(coder.decode, interpolate_codes(code_a, code_b, alphas, betas))
    )
    shape = (len(alphas), len(betas))
    return Grid(images.reshape(*shape, *images.shape[-3:]), finite.reshape(shape), alphas, betas)


def switched(coder: Coder, code_a: Code, code_b: Code) -> tuple[Decoded, Decoded]:
    """Returns the `Decoded` (z of a with v of b, z of b with v of a) of as many pairs of images:
    Wolf, figure 1.

    Args:
        coder: a `Coder`.
        code_a, code_b: `Code` of `[num_pairs]` images each.

    Raises:
        ValueError: if the model has no z.
    """
    of_a, of_b = switch_codes(code_a, code_b)
    return coder.decode(*of_a), coder.decode(*of_b)


def pairs_within_class(labels: Sequence[int], num_pairs: int) -> np.ndarray:
    """Returns the positions of `num_pairs` pairs of images of one class, integers `[num_pairs, 2]`,
    the earliest first; classes take turns.

    Args:
        labels: integers `[num_images]`.
        num_pairs: how many, at least 1.

    Raises:
        ValueError: if there are no labels, or too few images.
    """
    labels = np.asarray(labels)
    if (labels < 0).any():
        raise ValueError('Pairs within a class need class labels; these images have none.')
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    # The n-th pair of every class, then the next.
    pairs = [
        [own[2 * turn : 2 * turn + 2] for own in members if len(own) >= 2 * turn + 2]
        for turn in range(len(labels) // 2)
    ]
    pairs = [pair for turn in pairs for pair in turn][
        : validate.integer('num_pairs', num_pairs, minimum=1)
    ]
    if len(pairs) < num_pairs:
        raise ValueError(
            f'There are {len(pairs)} pairs of images of one class among {len(labels)}; '
            f'{num_pairs} are asked for.'
        )
    return np.stack(pairs)
