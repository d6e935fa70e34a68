"""Calls a served Wolf, as a library or as a command. Needs `numpy`, `Pillow`, `requests` and
client_rest.py, and no TensorFlow.

z_and_v = Client('http://localhost:8501').encode(images)

python client.py --url=http://localhost:8501 sample --num=8 --seed=1 --temperature_v=0.7
--out=samples/ python client.py --grpc=localhost:8500 bits_per_dim picture.png     (needs `grpcio`
and `protobuf`, and client_grpc.py beside this file)"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

# Rows of one request: as many as the server takes with the `batching.config` beside this file. More
# are sent in parts.
MAX_BATCH = 32
# Names of TensorFlow's types; bytes are arrays of objects.
DTYPES = {
    'DT_FLOAT': np.float32,
    'DT_UINT8': np.uint8,
    'DT_STRING': np.object_,
    'DT_INT64': np.int64,
}
# {name: (numpy type, shape)}.
TensorTypes = dict[str, tuple[type, tuple[int, ...]]]


class ServerError(Exception):
    """The server could not be reached or refused a request; the message is one line for people."""

    def __init__(self, message: str) -> None:
        # What a model says of an input stands inside what TensorFlow says of its own operations.
        asserted = re.search(r'assertion failed: \[(.*?)\]\s*(?:\[\[|\n|$)', message, re.DOTALL)
        super().__init__(
            ' '.join((message[: asserted.start()] + asserted[1] if asserted else message).split())
        )


class Client:
    """A served model.

    Args:
        server: 'http://host:port' of the REST interface, or 'host:port' of gRPC.
        model_name: as the server knows it.
        timeout: seconds to wait for an answer.

    Attributes:
        signatures: `{name: (inputs, outputs)}`, each `{name: (numpy type, shape)}`; in a shape, -1
            stands for any size of at least 1.
        image_shape: (height, width, channels) of the model's images.

    A model whose z is a function of a label takes labels, `[batch]` integers, with its images and
    to sample.

    Raises:
        ServerError: if the server cannot be reached or does not have the model.
    """

    def __init__(self, server: str, model_name: str = 'wolf', timeout: float = 60.0) -> None:
        if '://' in server:
            self._connection = _neighbour('client_rest').Rest(
                server, model_name, timeout, ServerError
            )
        else:
            # Only now, for what it needs is needed for nothing else.
            try:
                module = _neighbour('client_grpc')
            except ImportError as error:
                raise ServerError(
                    'gRPC needs the packages grpcio and protobuf, and client_grpc.py beside '
                    f'client.py ({error})'
                ) from None
            self._connection = module.Grpc(server, model_name, timeout, ServerError)
        found = self._connection.signatures()
        if 'encode' not in found:
            raise ServerError(f'{model_name} is no Wolf: it has no signature encode')
        self.signatures: dict[str, tuple[TensorTypes, TensorTypes]] = {
            name: tuple(
                {key: (DTYPES[dtype], tuple(shape)) for key, (dtype, shape) in tensors.items()}
                for tensors in both
            )
            for name, both in found.items()
        }
        self.image_shape: tuple[int, int, int] = self.signatures['encode'][0]['images'][1][1:]

    def predict(self, signature: str, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Calls a signature, such as 'interpolate'; returns `{name: array}` of its outputs.

        Args:
            signature: its name.
            inputs: `{name: array}`, with as many rows each; bytes as arrays of objects.

        Raises:
            ServerError: if the server cannot be reached or refuses the values.
            ValueError: if an input is missing, unknown, or of another type or shape; it is not sent
                then.
        """
        if signature not in self.signatures:
            raise ValueError(
                f'The model has no signature {signature}; it has '
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
                'All inputs must have as many rows; got '
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
        """Returns `{'v': ..., 'z': ..., 'z_log_variance': ...}`, as far as the model has them, of
        uint8 images `[batch, *image_shape]`.
        """
        return self.predict('encode', _given(images=images, labels=labels))

    def decode(self, z: Any, v: Any) -> np.ndarray:
        """Returns the uint8 images of z `[batch, latent_dim]`, None for a model without z, and v
        `[batch, *image_shape]`.
        """
        return self.predict('decode', _given(z=z, v=v))['images']

    def sample(
        self, seeds: Any, temperature_v: Any = 1.0, temperature_z: Any = 1.0, labels: Any = None
    ) -> np.ndarray:
        """Returns uint8 images drawn from the model, one for each two integers of `seeds`, `[batch,
        2]`.

        Image i of `Wolf.sample` with the seed s is that of the two integers (s, i).

        The temperatures are factors on the noise of v and z, one or `[batch]`; that of z is not
        used by a model that draws no z."""
        temperatures = {
            name: np.broadcast_to(np.asarray(value, np.float32), len(seeds))
            for name, value in (('temperature_v', temperature_v), ('temperature_z', temperature_z))
            if name in self.signatures['sample'][0]
        }
        return self.predict('sample', _given(seeds=seeds, labels=labels, **temperatures))['images']

    def switch(
        self, images_a: Any, images_b: Any, labels_a: Any = None, labels_b: Any = None
    ) -> dict[str, np.ndarray]:
        """Returns `{'z_of_a_v_of_b': ..., 'z_of_b_v_of_a': ...}`, uint8 images that take z of one
        and v of the other.
        """
        return self.predict(
            'switch',
            _given(images_a=images_a, images_b=images_b, labels_a=labels_a, labels_b=labels_b),
        )

    def bits_per_dim(self, images: Any, labels: Any = None) -> np.ndarray:
        """Returns the bits per dimension `[batch]` of uint8 images."""
        return self.predict('bits_per_dim', _given(images=images, labels=labels))['bits_per_dim']

    def reconstruct(self, images: Any, labels: Any = None) -> np.ndarray:
        """Returns uint8 images encoded and decoded again."""
        return self.predict('reconstruct', _given(images=images, labels=labels))['images']


def _neighbour(name: str) -> Any:
    """Returns a module that lies beside this file, which is in no package where it was copied
    beside an export.
    """
    return (
        importlib.import_module(f'.{name}', __package__)
        if __package__
        else importlib.import_module(name)
    )


def _given(**inputs):
    return {name: value for name, value in inputs.items() if value is not None}


def _checked(name, value, dtype, shape):
    """Returns an input as an array of the wanted type. A server may cast 256 to uint8 0, and refuse
    others' requests with a wrong one.
    """
    array = np.asarray(value, np.object_ if dtype == np.object_ else None)
    if array.ndim != len(shape) or any(
        found < 1 if size == -1 else found != size for found, size in zip(array.shape, shape)
    ):
        raise ValueError(
            f'{name} must have the shape {list(shape)}, -1 standing for at least 1; got '
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


def read_picture(path: str, image_shape: Sequence[int], resize: bool = False) -> np.ndarray:
    """Returns a picture file as uint8 `image_shape`; one of another size is cut about its centre
    and scaled if `resize`, else refused.
    """
    height, width, channels = image_shape
    if channels not in (1, 3):
        raise ValueError(
            f'The model takes images of {channels} channels; picture files have 1 or 3'
        )
    try:
        with Image.open(path) as file:
            picture = file.convert('L' if channels == 1 else 'RGB')
    except UnidentifiedImageError:
        raise ValueError(f'{path} is not a picture') from None
    if picture.size != (width, height):
        if not resize:
            raise ValueError(
                f'{path} must have {width} x {height} pixels, not {picture.width} x '
                f'{picture.height}; --resize makes it fit'
            )
        picture = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    return np.asarray(picture, np.uint8).reshape(image_shape)


def write_pictures(folder: str, pictures: Mapping[Any, np.ndarray]) -> None:
    """Writes `{name: uint8 image}` as PNG files and prints their names."""
    os.makedirs(folder, exist_ok=True)
    for name, picture in pictures.items():
        print(path := os.path.join(folder, f'{name}.png'))
        Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(path)


def run(options: argparse.Namespace) -> None:
    """Does what the command line asks for; errors as of `Client`."""
    client = Client(
        options.grpc or (options.url if '://' in options.url else f'http://{options.url}'),
        options.model_name,
    )
    labels = {'labels': options.labels} if options.labels else {}
    if hasattr(options, 'pictures'):
        images = np.stack(
            [read_picture(path, client.image_shape, options.resize) for path in options.pictures]
        )
    if options.command == 'sample':
        if options.num < 1:
            raise ValueError(f'--num must be at least 1; got {options.num}')
        seeds = [(options.seed, index) for index in range(options.num)]
        write_pictures(
            options.out,
            dict(
                enumerate(
                    client.sample(seeds, options.temperature_v, options.temperature_z, **labels)
                )
            ),
        )
    elif options.command == 'encode':
        np.savez(options.out, **client.encode(images, **labels))
        print(options.out)
    elif options.command == 'decode':
        with np.load(options.code) as code:
            if not hasattr(code, 'files'):
                raise ValueError(
                    f'{options.code} must be an .npz file that `encode` wrote; it holds a single '
                    'array.'
                )
            write_pictures(
                options.out, dict(enumerate(client.decode(code.get('z'), code.get('v'))))
            )
    elif options.command == 'switch':
        sides = {f'labels_{side}': [label] for side, label in zip('ab', options.labels or ())}
        write_pictures(
            options.out,
            {
                name: both[0]
                for name, both in client.switch(images[:1], images[1:], **sides).items()
            },
        )
    else:
        for path, bits in zip(options.pictures, client.bits_per_dim(images, **labels)):
            print(f'{path} {bits:.4f}')


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0, or 2 after one line on stderr that says what is wrong."""
    parser = argparse.ArgumentParser(description='Calls a served Wolf.')
    parser.add_argument('--url', default='http://localhost:8501', help='of the REST interface')
    parser.add_argument('--grpc', metavar='HOST:PORT', help='of gRPC, instead of --url')
    parser.add_argument('--model_name', default='wolf')
    commands = parser.add_subparsers(dest='command', required=True)
    for name, meaning in (
        ('sample', 'draws images'),
        ('encode', 'writes z and v of pictures'),
        ('decode', 'the images of z and v'),
        ('switch', 'each of two pictures with the z of the other'),
        ('bits_per_dim', 'likelihood of pictures'),
    ):
        command = commands.add_parser(name, help=meaning)
        command.add_argument(
            '--labels',
            type=lambda text: [int(label) for label in text.split(',')],
            help='one for each image: 3,7',
        )
        if name in ('encode', 'switch', 'bits_per_dim'):
            command.add_argument(
                'pictures', nargs=2 if name == 'switch' else '+', metavar='picture.png'
            )
            command.add_argument(
                '--resize', action='store_true', help="cut and scale to the model's size"
            )
        if name == 'sample':
            command.add_argument('--num', type=int, default=8, help='how many images')
            command.add_argument('--seed', type=int, default=0)
            for part in 'vz':
                command.add_argument(
                    f'--temperature_{part}',
                    type=float,
                    default=1.0,
                    help=f'factor on the noise of {part}',
                )
        if name == 'decode':
            command.add_argument('code', metavar='code.npz', help='what `encode` wrote')
        if name != 'bits_per_dim':
            command.add_argument(
                '--out', required=True, help='file, .npz' if name == 'encode' else 'folder'
            )
    options = parser.parse_args(arguments)
    try:
        run(options)
    except (
        ServerError,
        ValueError,
        OSError,
        EOFError,
        zipfile.BadZipFile,
        Image.DecompressionBombError,
    ) as error:
        print(f'client.py: {error}', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
