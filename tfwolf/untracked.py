"""A reference that TensorFlow does not follow."""
from __future__ import annotations

from typing import Generic, TypeVar

Value = TypeVar('Value')


class Untracked(Generic[Value]):
    """Holds an object that TensorFlow must not track as part of the one that refers to it."""

    def __init__(self, value: Value) -> None:
        self.value = value
