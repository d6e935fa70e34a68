"""The command line of client.py: image files in, image files and numbers out."""

from __future__ import annotations

import argparse
import os
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

CODE, MAPS = 'code.npz', 'likelihood_maps.npz'
# Commands that write arrays, and their files.
ARRAYS = {'encode': CODE, 'likelihood_map': MAPS}
COMMANDS = {
    'sample': 'draw images',
    'encode': f'write z and v of images to {CODE}',
    'decode': 'write the images of z and v',
    'switch': 'combine z of each of two images with v of the other',
    'bits_per_dim': 'print the bits per dimension of images',
    'likelihood_map': f'write the bits of each pixel of images to {MAPS}',
}


def main(
    make_client: Callable[[str, str], Any],
    server_error: type[Exception],
    arguments: Sequence[str] | None = None,
) -> int:
    """Run the command; return 0, or 2 after an error message of one line on stderr.

    Args:
        make_client: `Client`, called with the server and the name of the model.
        server_error: the error that the client raises if the server cannot be used.
        arguments: of the command line; None for those of this process.
    """
    options = parser().parse_args(arguments)
    try:
        run(options, make_client)
    except (
        server_error,
        ValueError,
        OSError,
        EOFError,
        zipfile.BadZipFile,
        Image.DecompressionBombError,
    ) as error:
        print(f'client.py: {error}', file=sys.stderr)
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    result = argparse.ArgumentParser(prog='client.py', description='Client of a served Wolf.')
    result.add_argument(
        '--url', default='http://localhost:8501', help='address of the REST interface'
    )
    result.add_argument(
        '--grpc', metavar='HOST:PORT', help='address of the gRPC interface, instead of --url'
    )
    result.add_argument('--model_name', default='wolf', help='name of the model on the server')
    commands = result.add_subparsers(dest='command', required=True)
    for name, meaning in COMMANDS.items():
        command = commands.add_parser(name, help=meaning, description=meaning)
        command.add_argument(
            '--labels',
            type=lambda text: [int(label) for label in text.split(',')],
            help=argparse.SUPPRESS
            if name == 'decode'
            else 'a class for each image, such as 3,7; for models with classes',
        )
        if name in ('encode', 'switch', 'bits_per_dim', 'likelihood_map'):
            command.add_argument(
                'images', nargs=2 if name == 'switch' else '+', metavar='image.png'
            )
            command.add_argument(
                '--resize', action='store_true', help="crop and resize to the model's size"
            )
        if name == 'sample':
            _add_sampling(command)
        if name == 'decode':
            command.add_argument('code', metavar='code.npz', help='file that `encode` wrote')
        if name != 'bits_per_dim':
            group = command.add_mutually_exclusive_group(required=True)
            group.add_argument(
                '--output_dir',
                help=f'folder for {ARRAYS.get(name, "the image files")}',
            )
            # The earlier name; of `encode` the path of the file.
            group.add_argument('--out', help=argparse.SUPPRESS)
    return result


def run(options: argparse.Namespace, make_client: Callable[[str, str], Any]) -> None:
    """Run the command that was parsed; the errors are those of `Client`."""
    client = make_client(
        options.grpc or (options.url if '://' in options.url else f'http://{options.url}'),
        options.model_name,
    )
    labels = {'labels': options.labels} if options.labels else {}
    images = np.zeros(0)
    if hasattr(options, 'images'):
        images = np.stack(
            [read_image(path, client.image_shape, options.resize) for path in options.images]
        )
    folder = getattr(options, 'output_dir', None) or getattr(options, 'out', '')
    if options.command == 'sample':
        if options.num_samples < 1:
            raise ValueError(f'--num_samples must be at least 1; got {options.num_samples}')
        seeds = [(options.seed, index) for index in range(options.num_samples)]
        outputs = client.samples(seeds, options.temperature_v, options.temperature_z, **labels)
        write_images(folder, *numbered(outputs))
    elif options.command in ARRAYS:
        path = options.out
        if not path:
            os.makedirs(folder, exist_ok=True)
            path = os.path.join(folder, ARRAYS[options.command])
        arrays: dict[str, Any] = client.predict(options.command, {'images': images, **labels})
        np.savez(path, **arrays)
        print(path)
    elif options.command == 'decode':
        write_images(folder, *numbered(client.predict('decode', read_code(options.code))))
    elif options.command == 'switch':
        sides = {f'labels_{side}': [label] for side, label in zip('ab', options.labels or ())}
        outputs = client.predict(
            'switch', {'images_a': images[:1], 'images_b': images[1:], **sides}
        )
        write_images(
            folder,
            {name: array[0] for name, array in outputs.items() if array.dtype == np.uint8},
            {name: outputs.get(f'{name}_finite', [True])[0] for name in outputs},
        )
    else:
        for path, bits in zip(options.images, client.bits_per_dim(images, **labels)):
            print(f'{path} {bits:.4f}')


def read_image(path: str, image_shape: Sequence[int], resize: bool = False) -> np.ndarray:
    """Return an image file as uint8 `image_shape`.

    Args:
        path: of the file.
        image_shape: (height, width, channels).
        resize: whether to crop an image of another size to its center and resize it.

    Raises:
        ValueError: if it is not an image, or of another size without `resize`.
    """
    height, width, channels = image_shape
    if channels not in (1, 3):
        raise ValueError(f'The model has images of {channels} channels; image files have 1 or 3')
    try:
        with Image.open(path) as file:
            # As it is shown; of 16 bits, which Pillow would clip, the upper 8 are kept.
            image = ImageOps.exif_transpose(file)
            if image.mode.startswith('I'):
                image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
            image = image.convert('L' if channels == 1 else 'RGB')
    except UnidentifiedImageError:
        raise ValueError(f'{path} is not an image') from None
    if image.size != (width, height):
        if not resize:
            raise ValueError(
                f'{path} must have {width} x {height} pixels; got {image.width} x {image.height}. '
                '--resize crops and resizes it'
            )
        image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    return np.asarray(image, np.uint8).reshape(image_shape)


def read_code(path: str) -> dict[str, np.ndarray]:
    """Return `{'v': ..., 'z': ...}` from a file that `encode` wrote; without z if it has none.

    Raises:
        ValueError: if the file is another one.
    """
    with np.load(path, allow_pickle=False) as code:
        if not hasattr(code, 'files') or 'v' not in code.files:
            raise ValueError(f'{path} must be an .npz file that `encode` wrote; it has no array v')
        return {name: code[name] for name in ('z', 'v') if name in code.files}


def numbered(outputs: Mapping[str, np.ndarray]) -> tuple[dict[int, np.ndarray], dict[int, bool]]:
    """Return `{number: image}` and `{number: whether it is finite}` of the outputs of a signature.

    An older export has no output `finite`; all its images count as finite.
    """
    images = outputs['images']
    finite = outputs.get('finite', np.ones(len(images), bool))
    return dict(enumerate(images)), dict(enumerate(map(bool, finite)))


def write_images(folder: str, images: Mapping[Any, np.ndarray], finite: Mapping[Any, bool]) -> None:
    """Write PNG files and print their paths; name those that are not finite on stderr.

    Args:
        folder: where to.
        images: `{name: uint8 image}`.
        finite: `{name: whether all values of the image were finite}`.
    """
    os.makedirs(folder, exist_ok=True)
    for name, image in images.items():
        print(path := os.path.join(folder, f'{name}.png'))
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(path)
    bad = [f'{name}.png' for name in images if not finite[name]]
    if bad:
        print(
            f'client.py: warning: {len(bad)} of {len(images)} images are not valid, because their '
            f'values are not finite: {", ".join(bad)}',
            file=sys.stderr,
        )


def _add_sampling(command: argparse.ArgumentParser) -> None:
    command.add_argument('--num_samples', type=int, default=8, help='number of images')
    # The earlier name.
    command.add_argument(
        '--num', dest='num_samples', type=int, default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )
    command.add_argument('--seed', type=int, default=0, help='integer; equal seeds, equal images')
    for part in 'vz':
        command.add_argument(
            f'--temperature_{part}', type=float, default=1.0, help=f'factor on the noise of {part}'
        )
