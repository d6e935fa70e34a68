"""The HTTP server of the page: a fixed table of files and of requests, and nothing else."""

from __future__ import annotations

import http.server
import ipaddress
import json
import pathlib
import re
import socket
import socketserver
import sys
import threading
import traceback
import urllib.parse
from typing import Any

from tfwolf.explorer.actions import Actions
from tfwolf.explorer.pictures import UPLOAD_BYTES
from tfwolf.explorer.refusal import Refusal, Unavailable
from tfwolf.serving.c_api import INVALID_ARGUMENT, ServableError

STATIC = pathlib.Path(__file__).parent / 'static'
SCRIPTS = ('page', 'requests', 'latest', 'save', 'slots', 'grid', 'samples')
FILES = {
    '/': ('page.html', 'text/html'),
    '/style.css': ('style.css', 'text/css'),
    '/icon.svg': ('icon.svg', 'image/svg+xml'),
    **{f'/{name}.js': (f'{name}.js', 'text/javascript') for name in SCRIPTS},
}
ACTIONS = ('sample', 'interpolate', 'bits_per_dim')
UPLOAD = '/api/upload'
MODEL = '/api/model'

HEADERS = {
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src "
    "'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
}
CONNECTIONS = 64
IDLE_SECONDS = 30
# What of a body that is too large is still read, so that the client gets to see the answer.
DRAINED_BYTES = 4 * UPLOAD_BYTES


class Server(http.server.ThreadingHTTPServer):
    """Serves the page and answers its requests until `shutdown`.

    Args:
        host: name or address to listen on.
        port: number; 0 for any free one.
        actions: the `Actions`.
        debug: whether to print the stack trace of an error to stderr.

    Attributes:
        address: of the page, 'http://HOST:PORT/'.

    Raises:
        ValueError: if it cannot listen there.
    """

    daemon_threads = True

    def __init__(self, host: str, port: int, actions: Actions, debug: bool = False) -> None:
        self.address_family = socket.AF_INET6 if ':' in host else socket.AF_INET
        self.actions: Actions = actions
        self.debug: bool = debug
        self.files: dict[str, tuple[bytes, str]] = {
            path: ((STATIC / name).read_bytes(), kind) for path, (name, kind) in FILES.items()
        }
        self._connections = threading.BoundedSemaphore(CONNECTIONS)
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, 'strerror', None) or error
            raise ValueError(
                f'Cannot listen on {host}, port {port} (--host, --port): {reason}. --port=0 takes '
                'any free port.'
            ) from error
        # From a page elsewhere whose name was made to point here (DNS rebinding), the browser sends
        # that page's name.
        self.names: set[str] | None = (
            {'localhost', '127.0.0.1', '::1', host.lower()}
            if _is_loopback(self.server_address[0])
            else None
        )
        self.address: str = (
            f'http://{f"[{host}]" if ":" in host else host}:{self.server_address[1]}/'
        )

    def server_bind(self) -> None:
        """Takes the address; not as HTTPServer does, which asks a name server for this machine's
        name.
        """
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: socket.socket, client_address: Any) -> None:
        """Answers in a thread of its own, as soon as fewer than `CONNECTIONS` are."""
        self._connections.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: socket.socket, client_address: Any) -> None:
        """Lets the next connection in when this one has ended."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: socket.socket, client_address: Any) -> None:
        """Says nothing, unless asked to: it is a browser that went away in the middle of an answer."""
        if self.debug:
            traceback.print_exc()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    # Otherwise what is no request at all is answered without a status.
    default_request_version = 'HTTP/1.0'
    server_version = 'tfwolf'
    sys_version = ''
    timeout = IDLE_SECONDS
    # Otherwise the body waits 40 ms for the client to acknowledge the headers.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Sends what the base class finds wrong, such as a method that is none, in our form."""
        self.close_connection = True
        self._send_json(code, {'error': message or 'The request cannot be read.'})

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: a page that follows a slider asks ten times a second."""

    def _answer(self):
        try:
            content, kind = self._find()
            self._send(200, content, kind)
        except Refusal as error:
            self._send_json(error.status, {'error': str(error)})
        except ServableError as error:
            self._send_json(400 if error.code == INVALID_ARGUMENT else 500, {'error': str(error)})
        except Unavailable as error:
            self._send_json(502, {'error': str(error)})
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception as error:  # whatever it is, the server goes on
            print(
                f'error: {self.command} {self.path[:80]!r}: {type(error).__name__}: {error}',
                file=sys.stderr,
            )
            if self.server.debug:
                traceback.print_exc()
            self._send_json(
                500, {'error': 'The explorer failed at this request; its terminal says more.'}
            )

    def _find(self):
        """Returns the content and type of the answer."""
        # First the body, which would otherwise be taken for the next request of the connection.
        path = self.path.split('?', 1)[0]
        body = self._body(path)
        self._check_sender()
        actions = self.server.actions
        if path in self.server.files or path == MODEL:
            self._check_method('GET', 'HEAD')
            return (
                (_json(actions.model()), 'application/json')
                if path == MODEL
                else self.server.files[path]
            )
        name = path.removeprefix('/api/')
        if path != UPLOAD and (not path.startswith('/api/') or name not in ACTIONS):
            raise Refusal('There is no such page.', 404)
        self._check_method('POST')
        if path == UPLOAD:
            return _json(actions.upload(body)), 'application/json'
        try:
            request = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Refusal('The request must be JSON.') from error
        return _json(getattr(actions, name)(request)), 'application/json'

    def _body(self, path):
        length = self.headers.get('Content-Length')
        if self.headers.get('Transfer-Encoding') is not None or (
            length is None and self.command == 'POST'
        ):
            self.close_connection = True
            raise Refusal('The request must say how long it is (Content-Length).', 411)
        if length is None:
            return b''
        if not re.fullmatch('[0-9]{1,18}', length):
            self.close_connection = True
            raise Refusal('Content-Length must be a number.')
        height, width, channels = self.server.actions.description.image_shape
        # Two images as PNG in base64 take under three bytes a value.
        limit = UPLOAD_BYTES if path == UPLOAD else 2**16 + 4 * height * width * channels
        if int(length) > limit:
            self.close_connection = True
            self._drain(min(int(length), DRAINED_BYTES))
            raise Refusal(
                f'A file may have at most {UPLOAD_BYTES // 2**20} MB; this one has '
                f'{int(length) / 2**20:.1f} MB.'
                if path == UPLOAD
                else f'The request may have at most {limit} bytes.',
                413,
            )
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionError('the request ended early')
        return body

    def _drain(self, size):
        while size > 0:
            read = len(self.rfile.read(min(size, 2**16)))
            size = size - read if read else 0

    def _check_sender(self):
        host = self.headers.get('Host', '')
        try:
            name = urllib.parse.urlsplit(f'//{host}').hostname
        except ValueError:
            name = None
        if self.server.names is not None and name not in self.server.names:
            raise Refusal(f'This page answers to http://localhost only, not to {host[:80]!r}.', 403)
        origin = self.headers.get('Origin')
        if origin is not None and origin.partition('://')[2] != host:
            raise Refusal('This request comes from another page.', 403)

    def _check_method(self, *methods):
        if self.command not in methods:
            raise Refusal(f'This address takes {" and ".join(methods)} only.', 405)

    def _send_json(self, status, value):
        try:
            self._send(status, _json(value), 'application/json')
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _send(self, status, content, kind):
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header(
            'Content-Type', kind if kind == 'image/svg+xml' else f'{kind}; charset=utf-8'
        )
        self.send_header('Content-Length', str(len(content)))
        self.send_header('Cache-Control', 'no-store' if kind == 'application/json' else 'no-cache')
        if self.close_connection:
            self.send_header('Connection', 'close')
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(content)


def _json(value):
    return json.dumps(value, allow_nan=False).encode()


def _is_loopback(address):
    return ipaddress.ip_address(address).is_loopback
