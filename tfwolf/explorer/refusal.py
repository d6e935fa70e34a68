"""Requests that are not answered, and why."""


class Refusal(ValueError):
    """A request that breaks a rule; `status` is HTTP's, the message is shown in the page."""

    def __init__(self, message, status=400):
        super().__init__(message)
        self.status = status


class Unavailable(RuntimeError):
    """The model cannot be reached at the moment; the message is shown in the page."""
