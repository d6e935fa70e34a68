"""Decoding of all files of a folder before training, so that a bad file is found at the start."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from tfwolf.core.progress import progress_bar
from tfwolf.data.file_split import Read, is_in_memory
from tfwolf.data.fit import Fit
from tfwolf.data.fitted_file import fitted

# Files whose results are awaited at once.
CHUNK = 1024
MAX_LISTED = 50


@dataclasses.dataclass(frozen=True)
class CheckedFiles:
    """What the check of files found.

    Attributes:
        fit: the `Fit`, with an `image_size`.
        channels: 1 or 3.
        bad: `{path: what is wrong}` of the files that cannot be used.
        decoded: `{path: uint8 image}` of files that were decoded, if they fit into memory.
    """

    fit: Fit
    channels: int
    bad: dict[pathlib.Path, str]
    decoded: dict[pathlib.Path, np.ndarray]


def check_files(
    files: Sequence[pathlib.Path],
    fit: Fit,
    channels: int | None,
    read: Read,
    known_good: frozenset[pathlib.Path] = frozenset(),
) -> CheckedFiles:
    """Decode files and return what was found.

    Args:
        files: paths; an `image_size` or `channels` that is None is that of the first good one.
        fit: how images are brought to one size.
        channels: 1, 3 or None.
        read: function of a path that returns a Pillow image.
        known_good: files that were decoded at another time and have not changed since.

    Raises:
        ValueError: if no file can be decoded, or a color image follows a grey one with
            channels=None.
    """
    bad: dict[pathlib.Path, str] = {}
    for first in files:
        try:
            example = read(first)
            break
        except ValueError as error:
            bad[first] = str(error)
    else:
        raise ValueError(bad_files_message(bad))
    first_is_grey = example.mode == 'L'
    chosen = Fit((example.height, example.width), 'none') if fit.image_size is None else fit
    used_channels = channels or (1 if first_is_grey else 3)
    keep = is_in_memory(len(files), chosen, used_channels)
    decoded: dict[pathlib.Path, np.ndarray] = {}

    def check(path: pathlib.Path) -> np.ndarray | str:
        try:
            picture = read(path)
            image = fitted(path, picture, chosen, used_channels)
        except ValueError as error:
            return str(error)
        if channels is None and first_is_grey and picture.mode != 'L':
            raise ValueError(
                f'The image {path} is in color, but the first image, {first}, is grey. '
                'Set channels=1 or channels=3.'
            )
        return image if keep else image[:0]

    unknown = [path for path in files if path not in known_good and path not in bad]
    bar = progress_bar(len(unknown), 0, 'Checking images', 'image', delay=3, leave=False)
    # Threads help because Pillow releases Python's lock while it decodes.
    with bar, concurrent.futures.ThreadPoolExecutor() as pool:
        for start in range(0, len(unknown), CHUNK):
            chunk = unknown[start : start + CHUNK]
            for path, found in zip(chunk, pool.map(check, chunk)):
                if isinstance(found, str):
                    bad[path] = found
                elif keep:
                    decoded[path] = found
                bar.update()
    return CheckedFiles(chosen, used_channels, bad, decoded)


def bad_files_message(bad: dict[pathlib.Path, str]) -> str:
    """Return the message of an error about bad files, all of them at once."""
    reasons = list(bad.values())
    if len(reasons) == 1:
        return f'{reasons[0]} To go on without it, set dataset.skip_bad_images = True.'
    more = [f'and {len(bad) - MAX_LISTED:,} more'] if len(bad) > MAX_LISTED else []
    return '\n  '.join(
        [
            f'{len(bad):,} image files cannot be used. Replace or remove them, or go on without '
            'them with dataset.skip_bad_images = True:',
            *reasons[:MAX_LISTED],
            *more,
        ]
    )
