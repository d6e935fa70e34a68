"""Folders of images as they were read for runs of earlier versions, which keep these rules.

The test images depend on the number of files, and the orientation in EXIF is ignored.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfwolf.core.files import Path
from tfwolf.core.progress import progress_bar
from tfwolf.data import dataset, holdout
from tfwolf.data.file_split import file_split
from tfwolf.data.fit import Fit
from tfwolf.data.identities import Identities, file_digest

if TYPE_CHECKING:
    from PIL import Image

EXTENSIONS = ('.png', '.jpg', '.jpeg', '.bmp', '.gif')
GREY_MODES = ('1', 'L', 'LA')
COLOR_MODES = ('P', 'PA', 'RGB', 'RGBA', 'CMYK', 'YCbCr', 'LAB', 'HSV')


def load_earlier_folder(
    root: pathlib.Path,
    validation_size: holdout.PartSize,
    fit: Fit,
    channels: int | None,
    test_size: holdout.PartSize | None,
) -> dataset.ImageDataset:
    """Return the images of a folder by the earlier rules; arguments as in `folder.load_folder`.

    Raises:
        ValueError: as `folder.load_folder`.
    """
    parts = [root / part for part in ('train', 'test') if (root / part).is_dir()]
    if len(parts) == 1:
        raise ValueError(
            f"{root} must hold both 'train' and 'test', or neither, as when this run was started; "
            f'it holds only {parts[0].name!r}.'
        )
    if parts and test_size is not None:
        raise ValueError(
            f"`test_size` is not accepted for {root}, because it has a folder 'test'; "
            f'got test_size={test_size!r}.'
        )
    listings = [_list_images(part) for part in parts or [root]]
    classes = listings[0][2]
    for part, (_, _, names) in zip(parts, listings):
        if names != classes:
            raise ValueError(
                f'{part} must hold the same class folders as {parts[0]}; got {names} and {classes}.'
            )
    fit, channels = _check_files(
        [file for files, _, _ in listings for file in files], fit, channels
    )
    splits = [
        _make_split(part, files, labels, fit, channels)
        for part, (files, labels, _) in zip(parts or [root], listings)
    ]
    training, test = splits if parts else holdout.hold_out(splits[0], test_size)
    train, validation = holdout.split_validation(training, validation_size)
    shape = (*fit.target_size, channels)
    return dataset.ImageDataset(
        root.resolve().name,
        shape,
        len(classes) or None,
        train,
        validation,
        test,
        classes=tuple(classes) or None,
    )


def _list_images(folder: pathlib.Path) -> tuple[list[pathlib.Path], list[int], list[str]]:
    """Return (files, labels, names of the classes) of a folder, sorted by name."""
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith('.'))
    classes = [entry for entry in entries if entry.is_dir()]
    loose = [
        entry for entry in entries if entry.suffix.lower() in EXTENSIONS and not entry.is_dir()
    ]
    if classes and loose:
        raise ValueError(
            f'{folder} must hold either images or one folder per class; it holds both, such as '
            f'{loose[0].name} and {classes[0].name}.'
        )
    files, labels = loose, [-1] * len(loose)
    for label, entry in enumerate(classes):
        found = sorted(
            file
            for file in entry.iterdir()
            if file.suffix.lower() in EXTENSIONS and file.name[0] != '.'
        )
        if not found:
            raise ValueError(
                f'The folder {entry} holds no images ({", ".join(EXTENSIONS)}). Fill or remove it.'
            )
        files, labels = files + found, labels + [label] * len(found)
    if not files:
        raise ValueError(f'The folder {folder} holds no images ({", ".join(EXTENSIONS)}).')
    return files, labels, [entry.name for entry in classes]


def _check_files(files: Sequence[pathlib.Path], fit: Fit, channels: int | None) -> tuple[Fit, int]:
    """Check the headers of all files and return (fit, channels) for all of them."""
    first = _read(files[0])
    first_is_grey = first.mode in GREY_MODES
    if fit.image_size is None:
        fit = Fit((first.height, first.width), 'none')
    with progress_bar(len(files), 0, 'Checking images', 'image', delay=3, leave=False) as bar:
        for path in files:
            picture = _read(path, decode=False)
            if channels is None and first_is_grey and picture.mode not in GREY_MODES:
                raise ValueError(
                    f'The image {path} is in color, but the first image, {files[0]}, is grey. '
                    'Set channels=1 or channels=3.'
                )
            fit.check(f'The image {path}', (picture.height, picture.width))
            bar.update()
    return fit, channels or (1 if first_is_grey else 3)


def _make_split(
    part: pathlib.Path,
    files: Sequence[pathlib.Path],
    labels: Sequence[int],
    fit: Fit,
    channels: int,
) -> dataset.Split:
    order = holdout.mixed_order(len(files))
    files, ordered = [files[i] for i in order], np.array(labels)[order]
    identities = Identities(
        tuple(file_digest(file) for file in files),
        tuple(file.relative_to(part).as_posix() for file in files),
        None if labels[0] < 0 else ordered,
    )
    return file_split(files, ordered, fit, channels, _read, identities)


def _read(path: Path, decode: bool = True) -> Image.Image:
    """Return an image file as it is stored, without its pixels unless `decode` is set."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            if picture.mode not in GREY_MODES + COLOR_MODES:
                raise ValueError(
                    f'it has Pillow mode {picture.mode!r}; expected 8 bits per channel'
                )
            if decode:
                picture.load()
            else:
                picture.verify()
            return picture
    except Exception as error:  # of almost any type, for damaged files
        raise ValueError(
            f'The image {path} cannot be decoded: {error}. Replace or remove it.'
        ) from error
