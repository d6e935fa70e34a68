"""Interpolation between two images: the grid of h(z) by h(v) (Wolf, equation 9), and switches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfwolf.analysis.coder import Coder, Decoded
from tfwolf.analysis.image_code import AnyCode
from tfwolf.core import validate
from tfwolf.models.generation import decode_grid, interpolate_codes, switch_codes


class Grid(NamedTuple):
    """Interpolated images.

    Attributes:
        images: uint8 `[num_alphas, num_betas, height, width, channels]`.
        finite: bool `[num_alphas, num_betas]`, as in `Decoded`.
        alphas: `[num_alphas]`, weights of the second z: 0 is the first z, 1 the second.
        betas: `[num_betas]`, the same for v.
    """

    images: np.ndarray
    finite: np.ndarray
    alphas: np.ndarray
    betas: np.ndarray


def even_steps(num_steps: int) -> np.ndarray:
    """Return `num_steps` evenly spaced numbers from 0 to 1, both included, `[num_steps]`."""
    return np.linspace(0.0, 1.0, validate.integer('num_steps', num_steps, minimum=2))


def interpolation_grid(
    coder: Coder,
    code_a: AnyCode,
    code_b: AnyCode,
    alphas: Sequence[float] | np.ndarray,
    betas: Sequence[float] | np.ndarray,
) -> Grid:
    """Return the `Grid` of (1 - alpha) z_a + alpha z_b by (1 - beta) v_a + beta v_b.

    Its corners (0, 0) and (1, 1) are the two images, (1, 0) and (0, 1) their switches. Without z
    there is one row.

    Args:
        coder: a `Coder`.
        code_a, code_b: `Code` of one image each.
        alphas: `[num_alphas]`, not used without z.
        betas: `[num_betas]`.

    Raises:
        ValueError: if the model has a condition: images between two have none.

    Reference: Ma et al., "Decoupling Global and Local Representations via Invertible Generative
        Flows", 2021, equation 9.
    """
    coder.model.check_unconditional('The interpolation')
    # Without z, alpha has no meaning: one row.
    rows, columns = np.asarray([0.0] if code_a.z is None else alphas), np.asarray(betas)
    images, finite = (
        np.asarray(part)
        for part in decode_grid(
            coder.decode,
            interpolate_codes((code_a.z, code_a.v), (code_b.z, code_b.v), rows, columns),
        )
    )
    shape = (len(rows), len(columns))
    return Grid(images.reshape(*shape, *images.shape[-3:]), finite.reshape(shape), rows, columns)


def switched(coder: Coder, code_a: AnyCode, code_b: AnyCode) -> tuple[Decoded, Decoded]:
    """Return the `Decoded` (z of a with v of b, z of b with v of a) of pairs: Wolf, figure 1.

    The condition goes with v.

    Args:
        coder: a `Coder`.
        code_a, code_b: `Code` of `[num_pairs]` images each.

    Raises:
        ValueError: if the model has no z.
    """
    (z_a, v_b), (z_b, v_a) = switch_codes((code_a.z, code_a.v), (code_b.z, code_b.v))
    return (
        coder.decode(**code_b._replace(z=z_a, v=v_b)._asdict()),
        coder.decode(**code_a._replace(z=z_b, v=v_a)._asdict()),
    )


def pairs_within_class(labels: Sequence[int] | np.ndarray, num_pairs: int) -> np.ndarray:
    """Return the positions of pairs of images of the same class, integers `[num_pairs, 2]`.

    Earlier images come first, and classes take turns.

    Args:
        labels: integers `[num_images]`.
        num_pairs: number of pairs, at least 1.

    Raises:
        ValueError: if there are no labels, or too few images.
    """
    classes = np.asarray(labels)
    if (classes < 0).any():
        raise ValueError('Pairs within a class need class labels; these images have none.')
    members = [np.flatnonzero(classes == label) for label in np.unique(classes)]
    # The first pair of every class, then the second, and so on.
    turns = [
        [own[2 * turn : 2 * turn + 2] for own in members if len(own) >= 2 * turn + 2]
        for turn in range(len(classes) // 2)
    ]
    pairs = [pair for turn in turns for pair in turn][
        : validate.integer('num_pairs', num_pairs, minimum=1)
    ]
    if len(pairs) < num_pairs:
        raise ValueError(
            f'There are {len(pairs)} pairs of images of one class among {len(classes)}; '
            f'`num_pairs` is {num_pairs}. Use fewer pairs, or more images.'
        )
    return np.stack(pairs)
