"""REST for the client, with requests in the format of TensorFlow Serving.

Needs `requests`, and no TensorFlow.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import requests


class Rest:
    """A model of a server's REST interface.

    Args:
        url: 'http://host:port'.
        model_name: name of the model on the server.
        timeout: seconds to wait for an answer.
        error_type: error to raise, with a message, if the server cannot be reached or refuses a
            request.
    """

    def __init__(
        self, url: str, model_name: str, timeout: float, error_type: type[Exception]
    ) -> None:
        self._url, self._timeout, self._error_type = (
            f'{url.rstrip("/")}/v1/models/{model_name}',
            timeout,
            error_type,
        )

    def signatures(self) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
        """Return `{name: (inputs, outputs)}`, each `{name: (name of the type, shape)}`."""

        def types(infos):
            return {
                name: (info['dtype'], [int(dim['size']) for dim in info['tensor_shape']['dim']])
                for name, info in infos.items()
            }

        found = self._call('GET', '/metadata')['metadata']['signature_def']['signature_def']
        return {
            name: (types(both['inputs']), types(both['outputs']))
            for name, both in found.items()
            if not name.startswith('__')
        }

    def predict(
        self, signature: str, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, Any]
    ) -> dict[str, np.ndarray]:
        """Return the outputs of a signature as `{name: array}`.

        Args:
            signature: its name.
            inputs: `{name: array}` in the types of the signature.
            outputs: `{name: (numpy type, shape)}` of the signature.
        """
        values = {
            name: [{'b64': base64.b64encode(value).decode()} for value in array]
            if array.dtype == np.object_
            else array.tolist()
            for name, array in inputs.items()
        }
        # Not `json=`, which refuses NaN: the server's error names the input that has it.
        answer = self._call(
            'POST', ':predict', json.dumps({'signature_name': signature, 'inputs': values})
        )['outputs']
        # The server sends a single output without its name.
        named = answer if len(outputs) > 1 else {name: answer for name in outputs}
        return {name: _array(named[name], dtype) for name, (dtype, _) in outputs.items()}

    def _call(self, method: str, what: str, body: str | None = None) -> dict[str, Any]:
        try:
            response = requests.request(method, self._url + what, data=body, timeout=self._timeout)
        except requests.Timeout:
            raise self._error_type(
                f'No answer from {self._url} within {self._timeout:g} s'
            ) from None
        except requests.RequestException as error:
            raise self._error_type(
                f'The server cannot be reached at {self._url} ({type(error).__name__})'
            ) from None
        try:
            answer = json.loads(response.text)
        except ValueError:
            # Older servers escape quotes as in C, which is not JSON.
            answer = {'error': response.text[:300] or 'nothing'}
        if not response.ok or not isinstance(answer, dict) or 'error' in answer:
            raise self._error_type(
                f'The server answers {response.status_code}: '
                f'{answer["error"] if "error" in answer else answer}'
            )
        return answer


def _array(value: list[Any], dtype: type) -> np.ndarray:
    if dtype == np.object_:
        value = [base64.b64decode(item['b64']) for item in value]
    return np.array(value, dtype)
