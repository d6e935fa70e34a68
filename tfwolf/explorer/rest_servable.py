"""A model that TensorFlow Serving's REST API serves, called like a `Servable`."""

from __future__ import annotations

import base64
import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfwolf.explorer.refusal import Unavailable
from tfwolf.serving.c_api import ServableError, plain_message
from tfwolf.serving.signature_defs import Signature, TensorInfo

SECONDS = 60.0
DTYPES = {
    'DT_FLOAT': np.float32,
    'DT_DOUBLE': np.float64,
    'DT_INT32': np.int32,
    'DT_UINT8': np.uint8,
    'DT_STRING': np.object_,
    'DT_INT64': np.int64,
    'DT_BOOL': np.bool_,
}


class RestServable:
    """A served model whose signatures can be called by several threads at a time.

    Args:
        server: address, such as 'http://localhost:8501'.
        model_name: name of the model on the server.
        timeout: seconds to wait for an answer.

    Attributes:
        signatures: `{name: Signature}`; the place of a tensor is None.

    Raises:
        ValueError: if the address is invalid or the model does not exist.
        Unavailable: if the server does not answer.
    """

    def __init__(self, server: str, model_name: str = 'wolf', timeout: float = SECONDS) -> None:
        if not re.fullmatch(r'https?://[^/?#\s]+/?', server):
            raise ValueError(
                f"--server must be an address such as 'http://localhost:8501'; got {server!r}."
            )
        if not re.fullmatch(r'[\w.-]+', model_name):
            raise ValueError(
                "--model_name must consist of letters, digits, '_', '.' and '-'; got "
                f'{model_name!r}.'
            )
        self._address = f'{server.rstrip("/")}/v1/models/{model_name}'
        self._timeout = timeout
        try:
            metadata = self._ask(f'{self._address}/metadata')
        except ServableError as error:
            raise ValueError(
                f'TensorFlow Serving at {server} does not serve a model {model_name!r} '
                f'(--model_name): {error}'
            ) from error
        try:
            served = metadata['metadata']['signature_def']['signature_def']
            self.signatures: dict[str, Signature] = {
                name: Signature(_infos(entry['inputs']), _infos(entry['outputs']))
                for name, entry in served.items()
                if name != '__saved_model_init_op'
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f'The server at {server} is not TensorFlow Serving: it does not describe its model.'
            ) from error

    def __call__(self, name: str, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Call a signature; return `{name: array}`.

        Args:
            name: name of the signature.
            inputs: `{name: array}`; bytes as an array of objects.

        Raises:
            ServableError: if the server refuses the request.
            Unavailable: if the server does not answer.
        """
        if name not in self.signatures:
            raise ServableError(
                f'There is no signature {name!r}; available: {", ".join(sorted(self.signatures))}.'
            )
        body = {
            'signature_name': name,
            'inputs': {key: _as_json(np.asarray(value)) for key, value in inputs.items()},
        }
        outputs = self._ask(f'{self._address}:predict', json.dumps(body).encode()).get('outputs')
        infos = self.signatures[name].outputs
        if len(infos) == 1:
            # The server sends a single output without its name.
            outputs = {key: outputs for key in infos}
        try:
            return {key: _from_json((outputs or {})[key], info) for key, info in infos.items()}
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable(
                f'The answer of {self._address} does not have the outputs of {name!r}.'
            ) from error

    def _ask(self, address, body=None):
        request = urllib.request.Request(address, body, {'Content-Type': 'application/json'})
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:
                answer = response.read()
        except urllib.error.HTTPError as error:
            with error:
                message = _error_message(error.read())
            if error.code >= 500:
                raise Unavailable(
                    f'{address} failed with the status {error.code}: {message}'
                ) from error
            raise ServableError(message) from error
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(
                f'{address} does not answer: '
                f'{getattr(error, "reason", error) or type(error).__name__}.'
            ) from error
        try:
            answer = json.loads(answer)
        except ValueError as error:
            raise Unavailable(
                f'The answer of {address} is not JSON. Check that it is the REST port (8501) of '
                'TensorFlow Serving.'
            ) from error
        if not isinstance(answer, dict):
            raise Unavailable(f'The answer of {address} is not that of TensorFlow Serving.')
        return answer


def _infos(tensors):
    def shape(tensor):
        return tuple(
            None if int(dim['size']) < 0 else int(dim['size'])
            for dim in tensor['tensor_shape'].get('dim', [])
        )

    return {
        key: TensorInfo(DTYPES[tensor['dtype']], shape(tensor), None)
        for key, tensor in tensors.items()
    }


def _as_json(array):
    if array.dtype != np.object_:
        return array.tolist()
    return [{'b64': base64.b64encode(value).decode()} for value in array.ravel()]


def _from_json(value, info):
    if info.dtype != np.object_:
        return np.asarray(value, info.dtype)
    array = np.empty(len(value), np.object_)
    array[:] = [base64.b64decode(item['b64'] if isinstance(item, dict) else item) for item in value]
    return array


def _error_message(answer):
    try:
        return plain_message(str(json.loads(answer)['error']))
    except (ValueError, KeyError, TypeError):
        return 'no reason was given'
