"""Errors of requests to the explorer."""

from __future__ import annotations


class Refusal(ValueError):
    """An invalid request.

    Args:
        message: shown on the page.
        status: HTTP status.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status: int = status


class Unavailable(RuntimeError):
    """The model cannot be reached at the moment; the message is shown on the page."""
