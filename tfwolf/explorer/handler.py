"""Reads an HTTP request, lets its sender be checked, and sends the answer."""

from __future__ import annotations

import contextlib
import http.server
import io
import re
import sys
import traceback
from typing import Any, Protocol

from tfwolf.explorer.access import Access
from tfwolf.explorer.deadline import DeadlineReader
from tfwolf.explorer.image_files import UPLOAD_BYTES
from tfwolf.explorer.refusal import Refusal, Unavailable
from tfwolf.explorer.routes import JSON, Routes, to_json
from tfwolf.explorer.waiting import Waiting
from tfwolf.serving.c_api import INVALID_ARGUMENT, ServableError

HEADERS = {
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src "
    "'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
}
# For a whole request, from the end of the one before; a body adds to it by its length.
REQUEST_SECONDS = 30.0
BODY_BYTES_PER_SECOND = 2**17
# For a request that is refused anyway.
BUSY_SECONDS = 2.0
# For a client to take an answer.
ANSWER_SECONDS = 30.0
# Part of a body that is too large that is read, so that the client can read the answer.
DRAINED_BYTES = 4 * UPLOAD_BYTES


class Site(Protocol):
    """The server of a `Handler`.

    Attributes:
        routes: the `Routes`.
        access: the `Access`.
        waiting: the `Waiting` connections.
        debug: whether to print the stack trace of an error to stderr.
    """

    routes: Routes
    access: Access
    waiting: Waiting
    debug: bool


class Handler(http.server.BaseHTTPRequestHandler):
    """A connection to the explorer."""

    server: Site
    protocol_version = 'HTTP/1.1'
    # Without it, an invalid request line is answered without a status.
    default_request_version = 'HTTP/1.0'
    server_version = 'tfwolf'
    sys_version = ''
    # Without it, the body waits 40 ms for the client to acknowledge the headers.
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Read the connection with a deadline."""
        super().setup()
        self._reader = DeadlineReader(self.connection)
        self.rfile.close()
        self.rfile = io.BufferedReader(self._reader)

    def handle_one_request(self) -> None:
        """Answer a request that arrives before the deadline."""
        self._reader.start(REQUEST_SECONDS)
        with self.server.waiting.connection(self.connection):
            super().handle_one_request()

    def do_GET(self) -> None:
        """Answer a GET request."""
        self._answer()

    def do_HEAD(self) -> None:
        """Answer a HEAD request."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST request."""
        self._answer()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send an error that the base class finds, such as an unknown method, as JSON."""
        self.close_connection = True
        self._send_json(code, {'error': message or 'The request is invalid.'})

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a page sends ten requests a second while a slider moves."""

    def _answer(self):
        try:
            path, _, query = self.path.partition('?')
            access, length = self.server.access, self._length()
            try:
                access.check(self.headers, query)
            except Refusal:
                self._skip(length)
                raise
            # Also if nobody wants it: it would otherwise be taken for the next request.
            body = self._body(path, length)
            self.server.waiting.ended(self.connection)
            if access.has_token(query) and self.command in ('GET', 'HEAD'):
                # Without the token, which should not stay in the history of the browser.
                self._send(303, b'', 'text/plain', [('Location', '/'), *access.headers().items()])
                return
            content, kind = self.server.routes.answer(self.command, path, body)
            self._send(200, content, kind)
        except Refusal as error:
            self._send_json(error.status, {'error': str(error)})
        except ServableError as error:
            self._send_json(400 if error.code == INVALID_ARGUMENT else 500, {'error': str(error)})
        except Unavailable as error:
            self._send_json(502, {'error': str(error)})
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception as error:  # the server continues after any error
            print(
                f'error: {self.command} {self.path[:80]!r}: {type(error).__name__}: {error}',
                file=sys.stderr,
            )
            if self.server.debug:
                traceback.print_exc()
            self._send_json(
                500, {'error': 'The explorer could not answer. See the message in its terminal.'}
            )

    def _length(self):
        """Return the length of the body."""
        lengths = self.headers.get_all('Content-Length', [])
        if len(lengths) > 1 or len(self.headers.get_all('Host', [])) > 1:
            self.close_connection = True
            raise Refusal('The request has a header twice.')
        header = lengths[0] if lengths else None
        if self.headers.get('Transfer-Encoding') is not None or (
            header is None and self.command == 'POST'
        ):
            self.close_connection = True
            raise Refusal('The request must have a Content-Length.', 411)
        if header is None:
            return 0
        if not re.fullmatch('[0-9]{1,18}', header):
            self.close_connection = True
            raise Refusal('Content-Length must be a number.')
        return int(header)

    def _body(self, path, length):
        if length > self.server.routes.largest_body(path):
            self._skip(length)
            raise self.server.routes.too_large(path, length)
        self._reader.extend(length / BODY_BYTES_PER_SECOND)
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionError('the request ended early')
        return body

    def _skip(self, length):
        """Read a body, but not a very large one, without keeping it; then end the connection."""
        self.close_connection = True
        left = min(length, DRAINED_BYTES)
        while left > 0:
            read = len(self.rfile.read(min(left, 2**16)))
            left = left - read if read else 0

    def _send_json(self, status, value):
        try:
            self._send(status, to_json(value), JSON)
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _send(self, status, content, kind, more=()):
        self.connection.settimeout(ANSWER_SECONDS)
        self.send_response(status)
        for name, value in (*HEADERS.items(), *more):
            self.send_header(name, value)
        self.send_header(
            'Content-Type', kind if kind == 'image/svg+xml' else f'{kind}; charset=utf-8'
        )
        self.send_header('Content-Length', str(len(content)))
        self.send_header('Cache-Control', 'no-store' if kind == JSON else 'no-cache')
        if self.close_connection:
            self.send_header('Connection', 'close')
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(content)


class Busy(Handler):
    """A connection for which the explorer has no time."""

    def handle_one_request(self) -> None:
        """Refuse a request."""
        self._reader.start(BUSY_SECONDS)
        with contextlib.suppress(OSError):
            # With a request that was not read, the client would lose the answer.
            self.raw_requestline = self.rfile.readline(2**16 + 1)
            if self.parse_request():
                self.send_error(503, 'The explorer has too many connections. Try again later.')
