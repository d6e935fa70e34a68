"""References that TensorFlow must not follow."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar('T')


class Untracked(Generic[T]):
    """Holds an object that TensorFlow must not track as part of the one that refers to it.

    A `tf.Module` or a bijector takes every module, variable and list that it has as an attribute
    for its own, and so does its checkpoint. This is a plain object, into which TensorFlow does not
    look.

    Attributes:
        value: the object.
    """

    def __init__(self, value: T):
        self.value = value
