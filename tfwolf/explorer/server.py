"""The HTTP server of the page."""

from __future__ import annotations

import http.server
import ipaddress
import socket
import socketserver
import threading
import traceback
from collections.abc import Sequence
from typing import Any

from tfwolf.explorer.access import TOKEN, Access
from tfwolf.explorer.actions import Actions
from tfwolf.explorer.handler import Busy, Handler
from tfwolf.explorer.routes import Routes
from tfwolf.explorer.waiting import Waiting

# Connections that are answered at a time, and further ones that are told so.
CONNECTIONS = 64
REFUSALS = 64
# For a connection that gives way to another.
ROOM_SECONDS = 1.0


class Server(http.server.HTTPServer):
    """Serves the page and answers its requests until `shutdown`.

    Args:
        host: name or address to listen on.
        port: number; 0 for any free port.
        actions: the `Actions`.
        debug: whether to print the stack trace of an error to stderr.
        allowed_hosts: further names under which the page is opened.

    Attributes:
        routes: the `Routes`.
        access: the `Access`, which decides what is answered.
        waiting: the `Waiting` connections.
        debug: as given.
        address: address of the page on this machine, 'http://HOST:PORT/', with its token if there
            is one.
        address_elsewhere: the same for other machines, None if they cannot reach it.

    Raises:
        ValueError: if the server cannot listen on the address.
    """

    request_queue_size = 128

    def __init__(
        self,
        host: str,
        port: int,
        actions: Actions,
        debug: bool = False,
        allowed_hosts: Sequence[str] = (),
    ) -> None:
        self.address_family = socket.AF_INET6 if ':' in host else socket.AF_INET
        self.routes: Routes = Routes(actions)
        self.debug: bool = debug
        self.waiting: Waiting = Waiting()
        self._threads = threading.BoundedSemaphore(CONNECTIONS)
        self._refusals = threading.BoundedSemaphore(REFUSALS)
        try:
            super().__init__((host, port), Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, 'strerror', None) or error
            raise ValueError(
                f'Cannot listen on {host}, port {port} (--host, --port): {reason}. --port=0 uses '
                'any free port.'
            ) from error
        bound, port = str(self.server_address[0]), int(self.server_address[1])
        self.access: Access = Access(host, bound, port, allowed_hosts)
        token = f'?{TOKEN}={self.access.token}' if self.access.token else ''
        address = ipaddress.ip_address(bound)
        # The address of all interfaces is none that a browser could open.
        local = {4: '127.0.0.1', 6: '::1'}[address.version] if address.is_unspecified else host
        elsewhere = socket.gethostname() if address.is_unspecified else host
        self.address: str = f'http://{_in_address(local)}:{port}/{token}'
        self.address_elsewhere: str | None = (
            None if address.is_loopback else f'http://{_in_address(elsewhere)}:{port}/{token}'
        )

    def server_bind(self) -> None:
        """Bind the address, without HTTPServer's request to a name server."""
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a new thread, or refuse if all are in use; the caller never waits long.

        Connections that wait for a request give way to new ones.
        """
        if self._threads.acquire(blocking=False) or (
            self.waiting.end_longest() and self._threads.acquire(timeout=ROOM_SECONDS)
        ):
            self._start(Handler, self._threads, request, client_address)
        elif self._refusals.acquire(blocking=False):
            self._start(Busy, self._refusals, request, client_address)
        else:
            self.shutdown_request(request)

    def _start(self, handler, threads, request, client_address):
        def answer():
            try:
                handler(request, client_address, self)
            except Exception:
                self.handle_error(request, client_address)
            finally:
                self.shutdown_request(request)
                threads.release()

        try:
            threading.Thread(target=answer, daemon=True).start()
        except RuntimeError:  # the system has no more threads
            threads.release()
            raise

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors of connections, which browsers close during an answer, without `debug`."""
        if self.debug:
            traceback.print_exc()


def _in_address(host: str) -> str:
    return f'[{host}]' if ':' in host else host
