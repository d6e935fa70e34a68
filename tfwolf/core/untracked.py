"""References that TensorFlow does not track."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar('T')


class Untracked(Generic[T]):
    """Wrapper of an object that TensorFlow must not track as part of the object that refers to it.

    A `tf.Module` or a bijector tracks, and saves in its checkpoint, all modules, variables and
    lists among its attributes. TensorFlow does not look inside this wrapper.

    Attributes:
        value: the wrapped object.
    """

    def __init__(self, value: T):
        self.value = value
