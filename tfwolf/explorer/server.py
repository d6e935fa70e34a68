"""The HTTP server of the page."""

from __future__ import annotations

import http.server
import ipaddress
import socket
import socketserver
import threading
import traceback
from typing import Any

from tfwolf.explorer.actions import Actions
from tfwolf.explorer.handler import Handler
from tfwolf.explorer.routes import Routes

CONNECTIONS = 64


class Server(http.server.ThreadingHTTPServer):
    """Serves the page and answers its requests until `shutdown`.

    Args:
        host: name or address to listen on.
        port: number; 0 for any free port.
        actions: the `Actions`.
        debug: whether to print the stack trace of an error to stderr.

    Attributes:
        routes: the `Routes`.
        names: host names that requests may use; None for any.
        debug: as given.
        address: address of the page, 'http://HOST:PORT/'.

    Raises:
        ValueError: if the server cannot listen on the address.
    """

    daemon_threads = True

    def __init__(self, host: str, port: int, actions: Actions, debug: bool = False) -> None:
        self.address_family = socket.AF_INET6 if ':' in host else socket.AF_INET
        self.routes: Routes = Routes(actions)
        self.debug: bool = debug
        self._connections = threading.BoundedSemaphore(CONNECTIONS)
        try:
            super().__init__((host, port), Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, 'strerror', None) or error
            raise ValueError(
                f'Cannot listen on {host}, port {port} (--host, --port): {reason}. --port=0 uses '
                'any free port.'
            ) from error
        # Protects against DNS rebinding: the browser sends the host name of the page that makes a
        # request, also if that name was changed to point to this machine.
        self.names: set[str] | None = (
            {'localhost', '127.0.0.1', '::1', host.lower()}
            if ipaddress.ip_address(str(self.server_address[0])).is_loopback
            else None
        )
        self.address: str = (
            f'http://{f"[{host}]" if ":" in host else host}:{self.server_address[1]}/'
        )

    def server_bind(self) -> None:
        """Bind the address, without HTTPServer's request to a name server."""
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a new thread, as soon as fewer than `CONNECTIONS` are running."""
        self._connections.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Accept the next connection when this one has ended."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors of connections, which browsers close during an answer, without `debug`."""
        if self.debug:
            traceback.print_exc()
