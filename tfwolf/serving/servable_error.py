"""The error of a model that refuses a request, and TensorFlow's messages without its operations."""

from __future__ import annotations

import re

# TensorFlow's error code.
INVALID_ARGUMENT = 3


class ServableError(ValueError):
    """TensorFlow refused a request.

    Args:
        message: for the sender of the request.
        code: TensorFlow's error code.
    """

    def __init__(self, message: str, code: int = INVALID_ARGUMENT) -> None:
        super().__init__(message)
        self.code: int = code


def plain_message(message: str) -> str:
    """Return TensorFlow's error message without the names of operations."""
    asserted = re.search(r'assertion failed: \[(.*?)\]\s*(?:\[\[|\n|$)', message, re.DOTALL)
    if asserted:
        return asserted[1]
    text = re.sub(r'\s*\[\[\{\{.*?\}\}\]\]', '', message).split('\n')[0].strip()
    place = re.search(r'(\w+)_must_be_(\w+)', message)
    return f'`{place[1]}` must be {place[2]}: {text}' if place else text
