"""Files of images that keep their values: TIFF and .npy of 16 bits or floating-point numbers."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from tfwolf.core.image_file import ARRAY_EXTENSION
from tfwolf.core.progress import progress_bar
from tfwolf.core.tiff_file import EXTENSIONS, read_tiff
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.fit import Fit
from tfwolf.data.identities import Identities
from tfwolf.data.value_types import as_value_type


@dataclasses.dataclass(frozen=True)
class ValueFiles:
    """The images of files, in memory.

    Attributes:
        values: `{path: array [height, width, bands]}` of one type and shape.
        bad: `{path: what is wrong}` of the files that cannot be used.
        shape: (height, width, bands).
        value_type: 'uint16' or 'float32'.
    """

    values: Mapping[pathlib.Path, np.ndarray]
    bad: dict[pathlib.Path, str]
    shape: tuple[int, int, int]
    value_type: str

    def split(self, files: Sequence[pathlib.Path], identities: Identities) -> ArraySplit:
        """Return the split of some of the files."""
        return ArraySplit(
            lambda: (
                np.stack([self.values[file] for file in files]),
                identities.labels,
                identities.attributes,
            ),
            len(files),
            self.shape,
            identities,
            self.value_type,
        )


def read_value_files(files: Sequence[pathlib.Path], value_type: str, fit: Fit) -> ValueFiles:
    """Read files and return what was found; all must be as the first good one.

    Args:
        files: paths of TIFF or `.npy` files.
        value_type: 'uint16' or 'float32', see `as_value_type`.
        fit: its `image_size`, if it has one, must be that of the images.

    Raises:
        ValueError: if no file can be used, or `fit` changes the images.
    """
    values: dict[pathlib.Path, np.ndarray] = {}
    bad: dict[pathlib.Path, str] = {}
    first: tuple[pathlib.Path, np.ndarray] | None = None
    with progress_bar(len(files), 0, 'Reading images', 'image', delay=3, leave=False) as bar:
        for path in files:
            try:
                array = _read(path)
                if first is not None:
                    _check_alike(path, array, *first)
                values[path] = as_value_type(f'The image {path}', array, value_type)
                first = first or (path, array)
            except ValueError as error:
                bad[path] = str(error)
            bar.update()
    if first is None:
        raise ValueError('\n  '.join(['No image file can be used:', *list(bad.values())[:10]]))
    height, width, bands = first[1].shape
    if fit.crop_size is not None or fit.image_size not in (None, (height, width)):
        raise ValueError(
            f'Images with value_type={value_type!r} are not cropped or resampled: `image_size` '
            f'must be {(height, width)} or left out; got image_size={fit.image_size!r} and '
            f'crop_size={fit.crop_size!r}.'
        )
    return ValueFiles(values, bad, (height, width, bands), value_type)


def _read(path: pathlib.Path) -> np.ndarray:
    """Return a file as `[height, width, bands]`."""
    if path.suffix.lower() in EXTENSIONS:
        return read_tiff(path)
    if path.suffix.lower() != ARRAY_EXTENSION:
        raise ValueError(
            f'The image {path} has no values of more than 8 bits that are read. With '
            '`dataset.value_type`, files must be TIFF or .npy.'
        )
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(f'The array {path} cannot be read: {error}.') from error
    array = array[..., None] if array.ndim == 2 else array
    if array.ndim != 3 or 0 in array.shape:
        raise ValueError(
            f'The array {path} must be one image [height, width] or [height, width, bands]; got '
            f'{array.shape}.'
        )
    return array


def _check_alike(
    path: pathlib.Path, array: np.ndarray, first: pathlib.Path, example: np.ndarray
) -> None:
    for what, own, other in (
        ('values of the type', array.dtype, example.dtype),
        ('the number of bands', array.shape[2], example.shape[2]),
        ('the size (height, width)', array.shape[:2], example.shape[:2]),
    ):
        if own != other:
            raise ValueError(
                f'The image {path} has {what} {own}, and the first image, {first}, {other}. All '
                'must be alike.'
            )
