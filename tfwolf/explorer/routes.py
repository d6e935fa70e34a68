"""The addresses of the explorer: a fixed table of files and requests, and nothing else."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence
from typing import Any

from tfwolf.explorer.actions import Actions
from tfwolf.explorer.image_files import UPLOAD_BYTES
from tfwolf.explorer.refusal import Refusal

STATIC = pathlib.Path(__file__).parent / 'static'
SCRIPTS = ('page', 'requests', 'latest', 'save', 'slots', 'grid', 'samples', 'pictures')
FILES = {
    '/': ('page.html', 'text/html'),
    '/style.css': ('style.css', 'text/css'),
    '/icon.svg': ('icon.svg', 'image/svg+xml'),
    **{f'/{name}.js': (f'{name}.js', 'text/javascript') for name in SCRIPTS},
}
ACTIONS = ('sample', 'interpolate', 'bits_per_dim')
UPLOAD = '/api/upload'
MODEL = '/api/model'
JSON = 'application/json'


class Routes:
    """Answers requests by method, path and body.

    Args:
        actions: the `Actions`.

    Attributes:
        files: `{path: (content, type)}` of the files of the page.
    """

    def __init__(self, actions: Actions) -> None:
        self.files: dict[str, tuple[bytes, str]] = {
            path: ((STATIC / name).read_bytes(), kind) for path, (name, kind) in FILES.items()
        }
        self._actions = actions
        height, width, channels = actions.description.image_shape
        # Two images as PNG in base64 take less than three bytes per value.
        self._request_bytes = 2**16 + 4 * height * width * channels

    def largest_body(self, path: str) -> int:
        """Return the largest number of bytes of the body of a request."""
        return UPLOAD_BYTES if path == UPLOAD else self._request_bytes

    def too_large(self, path: str, length: int) -> Refusal:
        """Return the error for a body of `length` bytes, more than `largest_body`."""
        if path == UPLOAD:
            message = (
                f'A file can have at most {UPLOAD_BYTES // 2**20} MB; this one has '
                f'{length / 2**20:.1f} MB.'
            )
        else:
            message = f'The request can have at most {self._request_bytes} bytes.'
        return Refusal(message, 413)

    def answer(self, method: str, path: str, body: bytes) -> tuple[bytes, str]:
        """Return content and type of the answer to a request.

        Raises:
            Refusal: if the address does not exist, or does not accept the method or the body.
        """
        if path in self.files:
            _check_method(method, 'GET', 'HEAD')
            return self.files[path]
        if path == MODEL:
            _check_method(method, 'GET', 'HEAD')
            return to_json(self._actions.model()), JSON
        name = path.removeprefix('/api/')
        if path != UPLOAD and (not path.startswith('/api/') or name not in ACTIONS):
            raise Refusal('This page does not exist.', 404)
        _check_method(method, 'POST')
        if path == UPLOAD:
            return to_json(self._actions.upload(body)), JSON
        try:
            request = json.loads(body, object_pairs_hook=_without_repetition)
        except Refusal:
            raise
        except (ValueError, RecursionError) as error:
            raise Refusal('The request must be JSON.') from error
        return to_json(getattr(self._actions, name)(request)), JSON


def to_json(value: Any) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value, allow_nan=False).encode()


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Refusal('The request has a field twice.')
    return found


def _check_method(method: str, *accepted: str) -> None:
    if method not in accepted:
        raise Refusal(f'This address accepts only {_listed(accepted)}.', 405)


def _listed(names: Sequence[str]) -> str:
    return ' and '.join(names)
