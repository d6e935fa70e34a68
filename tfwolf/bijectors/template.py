"""A layer without its own weights, to which weights are bound for each use."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from tfwolf.bijectors.base import FlowBijector
from tfwolf.core.variables import named_variables


class Template:
    """A layer whose variables are replaced by values bound to it.

    It is a plain Python object, so that TensorFlow does not track the layer's attributes. It is not
    re-entrant: only one set of weights can be bound at a time.

    Args:
        layer: the layer.
        keep_variables: whether the layer keeps its variables while no values are bound; otherwise
            they are removed.

    Attributes:
        layer: the layer.
        slots: `(owner, attribute name)` of each weight, in the order of `named_variables(layer)`.
    """

    def __init__(self, layer: FlowBijector, keep_variables: bool = False) -> None:
        self.layer = layer
        self.slots: list[tuple[Any, str]] = []
        self._in_use = threading.Lock()
        for path, _ in named_variables(layer):
            owner = layer
            for name in path[:-1]:
                owner = (
                    owner[int(name)] if isinstance(owner, (list, tuple)) else getattr(owner, name)
                )
            if not keep_variables:
                delattr(owner, path[-1])
            self.slots.append((owner, path[-1]))

    def value(self, place: int) -> tf.Tensor:
        """Return the weight that is bound to slot number `place`."""
        owner, name = self.slots[place]
        return owner.__dict__[name]

    @contextlib.contextmanager
    def bound(
        self, values: Sequence[Any], slots: Sequence[tuple[Any, str]] | None = None
    ) -> Iterator[FlowBijector]:
        """Bind weights to the layer for the duration of a `with` block.

        Args:
            values: tensors or variables, in the order of the slots.
            slots: where they are bound, as in `self.slots`; None for these.

        Raises:
            RuntimeError: if weights are already bound, by an enclosing block or another thread.
        """
        if not self._in_use.acquire(blocking=False):
            raise RuntimeError(
                f'The layers of a `Repeat` ({self.layer.name!r}) are in use. They share one '
                'template, so a `Repeat` cannot be called from inside its own layers or from two '
                'threads at once.'
            )
        slots = self.slots if slots is None else slots
        own = [owner.__dict__.get(name) for owner, name in slots]
        try:
            # Bypasses TensorFlow's attribute tracking, which would register bound tensors as the
            # layer's own.
            for (owner, name), value in zip(slots, values, strict=True):
                owner.__dict__[name] = value
            yield self.layer
        finally:
            for (owner, name), variable in zip(slots, own):
                if variable is None:
                    owner.__dict__.pop(name, None)
                else:
                    owner.__dict__[name] = variable
            self._in_use.release()
