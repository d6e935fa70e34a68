"""The codes of images: z and v, and the condition for a model that has one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Code(NamedTuple):
    """z and v of images, as NumPy arrays.

    Attributes:
        z: `[num_images, latent_dim]`, or None for a model without z.
        v: `[num_images, height, width, channels]`.
    """

    z: np.ndarray | None
    v: np.ndarray

    def __getitem__(self, rows: Any) -> Code:
        """Return the code of some images.

        Args:
            rows: a NumPy index of images: a slice, positions or a mask.

        Raises:
            TypeError: if `rows` is a single integer.
        """
        _check_rows(rows)
        return Code(None if self.z is None else self.z[rows], self.v[rows])


class ConditionalCode(NamedTuple):
    """z, v and condition of images, as NumPy arrays; of a model with a condition.

    Attributes:
        z, v: as of `Code`.
        condition: uint8 `[num_images, *condition.reduced_shape]`.
    """

    z: np.ndarray | None
    v: np.ndarray
    condition: np.ndarray

    def __getitem__(self, rows: Any) -> ConditionalCode:
        """Return the code of some images; see `Code`."""
        _check_rows(rows)
        z = None if self.z is None else self.z[rows]
        return ConditionalCode(z, self.v[rows], self.condition[rows])


AnyCode = Code | ConditionalCode


def _check_rows(rows: Any) -> None:
    if isinstance(rows, int):
        raise TypeError(
            'A Code is indexed by rows of images: code[3:4] or code[[3]], not code[3]. Its parts '
            'are code.z and code.v.'
        )
