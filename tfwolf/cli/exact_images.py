"""Images from files without any change to their pixels, and images with names back to files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence

import numpy as np

from tfwolf.core.image_file import ARRAY_EXTENSION, read_picture

MODES = {1: 'L', 3: 'RGB'}
KINDS = {'L': '8-bit grey', 'RGB': '8-bit RGB'}


def read_exactly(paths: Sequence[str], image_shape: Sequence[int]) -> np.ndarray:
    """Return the pixels of image files, uint8 `[num_files, height, width, channels]`.

    Args:
        paths: of the files.
        image_shape: (height, width, channels) that they must have.

    Raises:
        ValueError: if a file cannot be read, or its pixels would have to be changed for this shape.
    """
    height, width, channels = image_shape
    if channels not in MODES:
        raise ValueError(
            f'Image files have 1 or 3 channels, and the model {channels}. Compress images of the '
            'data set with --split.'
        )
    images = []
    for path in paths:
        picture = read_picture(path)
        found = (picture.height, picture.width, 1 if picture.mode == 'L' else 3)
        if found != tuple(image_shape):
            raise ValueError(
                f'{path} is {_shape(found)} (height x width x channels), and the model is for '
                f'{_shape(image_shape)}. Only images of this shape can be compressed.'
            )
        mode = _mode(path)
        if mode != picture.mode:
            raise ValueError(
                f'{path} is not an {KINDS[MODES[channels]]} image of one frame, but of the kind '
                f'{mode!r}: reading it would lose something. Convert it first.'
            )
        images.append(np.asarray(picture, np.uint8).reshape(height, width, channels))
    return np.stack(images)


def picture_names(paths: Sequence[str]) -> list[str]:
    """Return names of PNG files for image files, the same without folder and extension.

    Raises:
        ValueError: if two have the same.
    """
    names = [f'{os.path.splitext(os.path.basename(path))[0]}.png' for path in paths]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise ValueError(
                f'--images must have different names, without folder and extension, since they '
                f'become names of files; got {paths[names.index(name)]} and {paths[number]}.'
            )
    return names


def check_free(folder: str, names: Sequence[str]) -> None:
    """Check that files of these names can be added to a folder.

    Args:
        folder: path; it may not exist.
        names: of the files.

    Raises:
        ValueError: if a file exists, or a name is none of a file.
    """
    for name in names:
        if os.path.basename(name) != name or name in ('', '.', '..') or not name.isprintable():
            raise ValueError(
                f'The file holds {name!r} as the name of an image; nothing was written.'
            )
        if os.path.lexists(os.path.join(folder, name)):
            raise ValueError(
                f'{os.path.join(folder, name)} exists; nothing was written. Choose another '
                '--output_dir.'
            )


def write_pictures(folder: str, names: Sequence[str], images: np.ndarray) -> None:
    """Write images as PNG files to a folder, which is made; all of them or none.

    Args:
        folder: path.
        names: of the files; see `check_free`.
        images: uint8 `[n, height, width, channels]` with 1 or 3 channels.
    """
    from PIL import Image

    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix='.unfinished-') as unfinished:
        for name, image in zip(names, images, strict=True):
            picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
            picture.save(os.path.join(unfinished, name), 'PNG', optimize=True)
        for name in names:
            os.replace(os.path.join(unfinished, name), os.path.join(folder, name))


def _mode(path: str) -> str:
    """Return Pillow's mode of a file, or what else it is if it has several frames."""
    from PIL import Image

    if path.lower().endswith(ARRAY_EXTENSION):
        array = np.load(path, allow_pickle=False)
        return MODES.get(1 if array.ndim == 2 else array.shape[-1], str(array.dtype))
    with Image.open(path) as picture:
        frames = getattr(picture, 'n_frames', 1)
        if frames > 1:
            return f'{frames} frames'
        # Pillow reads colors of 16 bits as 8 bits, which only its name of the data shows.
        if '16' in str([tile[3] for tile in picture.tile]):
            return '16 bits'
        return 'transparent' if 'transparency' in picture.info else picture.mode


def _shape(shape: Sequence[int]) -> str:
    return 'x'.join(map(str, shape))
