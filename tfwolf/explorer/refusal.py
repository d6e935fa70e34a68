"""Requests that are not answered, and why."""

from __future__ import annotations


class Refusal(ValueError):
    """A request that breaks a rule; `status` is HTTP's, the message is shown in the page."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status: int = status


class Unavailable(RuntimeError):
    """The model cannot be reached at the moment; the message is shown in the page."""
