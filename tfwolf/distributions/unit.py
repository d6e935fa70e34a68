"""The unit of a likelihood per dimension: bits for color values, nats for continuous ones."""

from __future__ import annotations

import dataclasses
import math
from typing import Any


@dataclasses.dataclass(frozen=True)
class Unit:
    """A unit of the negative log-likelihood per dimension.

    The probability of an image of color values has no unit of its own, so its bits are comparable
    between models. A density of continuous values has the unit of the values, and its nats are only
    comparable for the same data in the same unit.

    Attributes:
        name: name of the mean in results and curves.
        text: name in texts.
        nats: nats in one unit.
    """

    name: str
    text: str
    nats: float

    def of(self, nats: Any, num_dims: int) -> Any:
        """Return nats per image in this unit, of the same shape.

        Args:
            nats: a number, an array or a tensor.
            num_dims: height * width * channels.
        """
        return nats / (num_dims * self.nats)


BITS_PER_DIM = Unit('bits_per_dim', 'bits/dim', math.log(2.0))
NATS_PER_DIM = Unit('nats_per_dim', 'nats/dim', 1.0)
