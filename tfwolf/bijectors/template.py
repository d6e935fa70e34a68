"""One layer that takes turns for many: its weights are lent to it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.core.variables import named_variables


class Template:
    """A layer without weights of its own; a plain object, so that the layer's attributes are not
    taken for the model's.

    It is not re-entrant: weights can be lent to it once at a time.

    Args:
        layer: the layer; its variables are taken from it.

    Attributes:
        slots: `(owner, attribute name)` of each weight, in the order of `named_variables(layer)`.
    """

    def __init__(self, layer: FlowBijector) -> None:
        self.layer = layer
        self.slots: list[tuple[Any, str]] = []
        self._in_use = threading.Lock()
        for path, _ in named_variables(layer):
            owner = layer
            for name in path[:-1]:
                owner = (
                    owner[int(name)] if isinstance(owner, (list, tuple)) else getattr(owner, name)
                )
            delattr(owner, path[-1])
            self.slots.append((owner, path[-1]))

    def value(self, place: int) -> tf.Tensor:
        """Returns the weight that is lent at a place in the order of `slots`."""
        owner, name = self.slots[place]
        return owner.__dict__[name]

    @contextlib.contextmanager
    def bound(self, values: Sequence[Any]) -> Iterator[FlowBijector]:
        """Lends the layer its weights, in the order of `slots`, for the length of a `with` block.

        Raises:
            RuntimeError: if weights are lent to it already, from inside such a block or from
                another thread.
        """
        if not self._in_use.acquire(blocking=False):
            raise RuntimeError(
                f'The layers of a `Repeat` ({self.layer.name!r}) are in use. They share one '
                'template, '
                f'so a `Repeat` cannot be '
                'called from inside its own layers, nor from two threads at once.'
            )
        try:
            # Written past the attribute tracking of TensorFlow, which would take a lent tensor for
            # the layer's own.
            for (owner, name), value in zip(self.slots, values):
                owner.__dict__[name] = value
            yield self.layer
        finally:
            for owner, name in self.slots:
                owner.__dict__.pop(name, None)
            self._in_use.release()
