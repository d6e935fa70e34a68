"""Reads a connection until a deadline: a slow client cannot extend it byte by byte."""

from __future__ import annotations

import io
import socket
import time
from typing import Any


class DeadlineReader(io.RawIOBase):
    """The bytes that arrive at a connection before a deadline for all of them together.

    Args:
        connection: the socket.

    Raises:
        TimeoutError: by a read after the deadline.
    """

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self._end = time.monotonic()

    def start(self, seconds: float) -> None:
        """Set the deadline to `seconds` from now."""
        self._end = time.monotonic() + seconds

    def extend(self, seconds: float) -> None:
        """Move the deadline by `seconds`."""
        self._end += seconds

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes into a buffer; return their number, 0 at the end."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError('the request took too long')
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)
