"""The work that some layers need before training: another flow is trained and measured first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tfwolf.nets.condition import Condition


class Preparation(Protocol):
    """A first training phase of a different flow, on which quantities of the images are measured.

    `tfwolf.models.preparation` runs it.
    """

    @property
    def num_steps(self) -> int:
        """Number of training steps of the first phase."""
        ...

    @property
    def flow_changes(self) -> Mapping[str, Any]:
        """Arguments that turn the factory of the final flow into that of the first phase's flow."""
        ...

    def measure(self, flow: Any, x: tf.Tensor, condition: Condition | None) -> list[tf.Tensor]:
        """Return the measured tensors, `[batch, ...]`, of the first phase's flow."""
        ...

    def conclude(self, flow: Any, averages: Sequence[np.ndarray]) -> None:
        """Configure the final flow from the averages of the measurements over all images."""
        ...
