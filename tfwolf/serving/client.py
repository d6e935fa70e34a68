"""Client of a served Wolf, as a library and as a command.

Needs `numpy`, `Pillow`, `requests` and the files client_*.py next to it, and no TensorFlow.

z_and_v = Client('http://localhost:8501').encode(images)

python client.py sample --num_samples=8 --seed=1 --temperature_v=0.7 --output_dir=samples
python client.py --url=http://localhost:8501 bits_per_dim image.png
python client.py --grpc=localhost:8500 bits_per_dim image.png     (needs `grpcio` and `protobuf`)
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# Rows of one request, as in the file `batching.config` of the server. More rows are sent in parts.
MAX_BATCH = 32
# TensorFlow's names of types; bytes are arrays of objects.
DTYPES = {
    'DT_FLOAT': np.float32,
    'DT_UINT8': np.uint8,
    'DT_STRING': np.object_,
    'DT_INT64': np.int64,
    'DT_BOOL': np.bool_,
}
# {name: (numpy type, shape)}.
TensorTypes = dict[str, tuple[type, tuple[int, ...]]]


class ServerError(Exception):
    """The server cannot be reached or refused a request; the message is a single line."""

    def __init__(self, message: str) -> None:
        # The message of the model is inside TensorFlow's message about its own operations.
        asserted = re.search(r'assertion failed: \[(.*?)\]\s*(?:\[\[|\n|$)', message, re.DOTALL)
        plain = message[: asserted.start()] + asserted[1] if asserted else message
        super().__init__(' '.join(plain.split()))


class Client:
    """A served model.

    If z of the model comes from class labels, methods that take images also take labels, integers
    `[batch]`, and so does `sample`.

    Args:
        server: 'http://host:port' of the REST interface, or 'host:port' of gRPC.
        model_name: name of the model on the server.
        timeout: seconds to wait for an answer.

    Attributes:
        signatures: `{name: (inputs, outputs)}`, each `{name: (numpy type, shape)}`. In a shape, -1
            is any size of at least 1.
        image_shape: (height, width, channels) of the model's images.

    Raises:
        ServerError: if the server cannot be reached or does not serve the model.
    """

    def __init__(self, server: str, model_name: str = 'wolf', timeout: float = 60.0) -> None:
        if '://' in server:
            self._connection = _neighbor('client_rest').Rest(
                server, model_name, timeout, ServerError
            )
        else:
            # Imported here because only gRPC needs grpcio and protobuf.
            try:
                module = _neighbor('client_grpc')
            except ImportError as error:
                raise ServerError(
                    'gRPC needs the packages grpcio and protobuf, and client_grpc.py next to '
                    f'client.py ({error})'
                ) from None
            self._connection = module.Grpc(server, model_name, timeout, ServerError)
        found = self._connection.signatures()
        if 'encode' not in found:
            raise ServerError(f'{model_name} is not a Wolf: it has no signature `encode`')

        self.signatures: dict[str, tuple[TensorTypes, TensorTypes]] = {
            name: (_types(inputs), _types(outputs)) for name, (inputs, outputs) in found.items()
        }
        _, height, width, channels = self.signatures['encode'][0]['images'][1]
        self.image_shape: tuple[int, int, int] = (height, width, channels)

    def predict(self, signature: str, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Call a signature, such as 'interpolate'; return its outputs as `{name: array}`.

        Args:
            signature: its name.
            inputs: `{name: array}` with equal numbers of rows; bytes as arrays of objects.

        Raises:
            ServerError: if the server cannot be reached or refuses the values.
            ValueError: if an input is missing, unknown, or of another type or shape. Nothing is
                sent then.
        """
        if signature not in self.signatures:
            raise ValueError(
                f'The model has no signature {signature}; available: '
                f'{", ".join(sorted(self.signatures))}'
            )
        wanted, outputs = self.signatures[signature]
        if set(inputs) != set(wanted):
            raise ValueError(
                f'{signature} takes the inputs {", ".join(sorted(wanted))}; got '
                f'{", ".join(sorted(inputs)) or "none"}'
            )
        arrays = {name: _checked(name, inputs[name], *wanted[name]) for name in sorted(wanted)}
        rows = {len(array) for array in arrays.values()}
        if len(rows) > 1:
            raise ValueError(
                'All inputs must have the same number of rows; got '
                f'{", ".join(f"{len(x)} of {name}" for name, x in arrays.items())}'
            )
        parts = [
            self._connection.predict(
                signature,
                {name: array[start : start + MAX_BATCH] for name, array in arrays.items()},
                outputs,
            )
            for start in range(0, max(rows), MAX_BATCH)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in outputs}

    def encode(self, images: Any, labels: Any = None) -> dict[str, np.ndarray]:
        """Return v, z and z_log_variance of uint8 images `[batch, *image_shape]`.

        Returns:
            `{'v': ..., 'z': ..., 'z_log_variance': ...}`, without what the model does not have.
        """
        return self.predict('encode', _given(images=images, labels=labels))

    def decode(self, z: Any, v: Any) -> np.ndarray:
        """Return the uint8 images of z and v.

        Args:
            z: `[batch, latent_dim]`, or None for a model without z.
            v: `[batch, *image_shape]`.
        """
        return self.predict('decode', _given(z=z, v=v))['images']

    def sample(
        self, seeds: Any, temperature_v: Any = 1.0, temperature_z: Any = 1.0, labels: Any = None
    ) -> np.ndarray:
        """Return uint8 images drawn from the model.

        Args:
            seeds: integers `[batch, 2]`; (s, i) gives image i of `Wolf.sample` with the seed s.
            temperature_v: factor on the noise of v, one number or `[batch]`.
            temperature_z: factor on the noise of z, one number or `[batch]`. Ignored for a model
                that draws no z.
            labels: integers `[batch]`, only for a model whose z comes from labels.
        """
        return self.samples(seeds, temperature_v, temperature_z, labels)['images']

    def samples(
        self, seeds: Any, temperature_v: Any = 1.0, temperature_z: Any = 1.0, labels: Any = None
    ) -> dict[str, np.ndarray]:
        """Return `{'images': ..., 'finite': ...}`; the arguments are those of `sample`.

        `finite`, bool `[batch]`, is False for images with values that are not finite, which are
        not valid images. Models that were exported by an older version do not have it.
        """
        temperatures = {
            name: np.broadcast_to(np.asarray(value, np.float32), len(seeds))
            for name, value in (('temperature_v', temperature_v), ('temperature_z', temperature_z))
            if name in self.signatures['sample'][0]
        }
        return self.predict('sample', _given(seeds=seeds, labels=labels, **temperatures))

    def switch(
        self, images_a: Any, images_b: Any, labels_a: Any = None, labels_b: Any = None
    ) -> dict[str, np.ndarray]:
        """Return uint8 images that combine z of one image with v of the other.

        Returns:
            `{'z_of_a_v_of_b': ..., 'z_of_b_v_of_a': ...}`.
        """
        inputs = _given(images_a=images_a, images_b=images_b, labels_a=labels_a, labels_b=labels_b)
        outputs = self.predict('switch', inputs)
        return {name: array for name, array in outputs.items() if array.dtype == np.uint8}

    def bits_per_dim(self, images: Any, labels: Any = None) -> np.ndarray:
        """Return the bits per dimension `[batch]` of uint8 images."""
        return self.predict('bits_per_dim', _given(images=images, labels=labels))['bits_per_dim']

    def reconstruct(self, images: Any, labels: Any = None) -> np.ndarray:
        """Return uint8 images, encoded and decoded."""
        return self.predict('reconstruct', _given(images=images, labels=labels))['images']


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 2 after an error message of one line on stderr."""
    return _neighbor('client_command').main(Client, ServerError, arguments)


def _neighbor(name: str) -> Any:
    """Return a module next to this file, which may be part of a package or a copy by itself."""
    return importlib.import_module(f'.{name}' if __package__ else name, __package__)


def _types(tensors: Mapping[str, tuple[str, Sequence[int]]]) -> TensorTypes:
    return {name: (DTYPES[dtype], tuple(shape)) for name, (dtype, shape) in tensors.items()}


def _given(**inputs):
    return {name: value for name, value in inputs.items() if value is not None}


def _checked(name, value, dtype, shape):
    """Return an input as an array of the declared type.

    It is checked before it is sent: a server may convert 256 to uint8 as 0, and an invalid request
    can fail the other requests of its batch.
    """
    array = np.asarray(value, np.object_ if dtype == np.object_ else None)
    if array.ndim != len(shape) or any(
        found < 1 if size == -1 else found != size for found, size in zip(array.shape, shape)
    ):
        raise ValueError(
            f'{name} must have the shape {list(shape)}, where -1 is any size of at least 1; got '
            f'{list(array.shape)}'
        )
    if dtype in (np.uint8, np.int64):
        limits = np.iinfo(dtype)
        if (
            array.dtype.kind not in 'iu'
            or not limits.min <= int(array.min()) <= int(array.max()) <= limits.max
        ):
            raise ValueError(
                f'{name} must be integers from {limits.min} to {limits.max}; got values of type '
                f'{array.dtype}'
            )
    elif dtype == np.float32 and array.dtype.kind not in 'iuf':
        raise ValueError(f'{name} must be numbers; got values of type {array.dtype}')
    return array.astype(dtype)


if __name__ == '__main__':
    sys.exit(main())
