"""Connections whose request has not arrived yet: they make room for others."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class Waiting:
    """The connections that wait for a request, the longest waiting first."""

    def __init__(self) -> None:
        self._connections: dict[socket.socket, None] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def connection(self, connection: socket.socket) -> Iterator[None]:
        """Context of a request: the connection waits until `ended`."""
        with self._lock:
            self._connections[connection] = None
        try:
            yield
        finally:
            self.ended(connection)

    def ended(self, connection: socket.socket) -> None:
        """Note that the request of a connection has arrived."""
        with self._lock:
            self._connections.pop(connection, None)

    def end_longest(self) -> bool:
        """End the connection that has waited the longest; return whether there was one."""
        with self._lock:
            for connection in self._connections:
                del self._connections[connection]
                # Its thread reads the end, and closes it.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                return True
        return False
