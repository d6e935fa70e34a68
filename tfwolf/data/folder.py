"""Images from files in a folder."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from tfwolf.core.image_file import read_picture
from tfwolf.core.value_range import ValueRange
from tfwolf.data import dataset, holdout
from tfwolf.data.attributes import with_label
from tfwolf.data.attributes_file import FileAttributes, read_attributes
from tfwolf.data.data_record import EARLIER_RULES, DataRecord
from tfwolf.data.duplicates import duplicates_note
from tfwolf.data.earlier_folder import load_earlier_folder
from tfwolf.data.file_checks import bad_files_message, check_files
from tfwolf.data.fit import Fit
from tfwolf.data.folder_layout import Layout, Listing, read_layout, shown
from tfwolf.data.identities import Identities, file_digest
from tfwolf.data.picture_files import PictureFiles
from tfwolf.data.registry import register_source
from tfwolf.data.stable_holdout import mixed, parts
from tfwolf.data.value_files import ValueFiles, read_value_files
from tfwolf.data.value_types import check_value_type


@dataclasses.dataclass(frozen=True)
class FileOptions:
    """How the files of a folder are read.

    Args:
        channels: 1, 3, or None for the number of channels of the first image. With None, color
            images after a grey one are rejected.
        skip_bad_images: whether to go on without files that cannot be decoded or do not fit.
        value_range: (low, high) of the values in `.npy` files that are not uint8.
        value_type: 'uint8', or 'uint16' or 'float32' to keep the values of TIFF and `.npy` files
            with any number of bands; see `as_value_type`.
    """

    channels: int | None = None
    skip_bad_images: bool = False
    value_range: ValueRange | None = None
    value_type: str = 'uint8'


@register_source('folder', location='PATH')
def load_folder(
    location: str,
    validation_size: holdout.PartSize | None = None,
    fit: Fit = Fit(),
    test_size: holdout.PartSize | None = None,
    options: FileOptions = FileOptions(),
    label: str | None = None,
    record: DataRecord | None = None,
) -> dataset.ImageDataset:
    """Return the images in a folder as an `ImageDataset`: PNG, JPEG, BMP, GIF, WEBP, TIFF, .npy.

    The folder has folders of splits, see `folder_layout`; what it lacks is held out of the training
    images by a hash of the names of the files, so that a new file moves no other. The images of a
    split are either directly in its folder or in one folder per class, whose sorted names are the
    labels. The order of every split is mixed, but fixed. All files are decoded before training, see
    `image_file`; transparency is dropped. Attributes of the images are in the file
    `attributes.csv` of the folder, see `attributes_file`.

    Args:
        location: path of the folder.
        validation_size, test_size: see `sources.load_dataset`.
        fit: how images are brought to one size; without `image_size` all images must have the size
            of the first.
        options: see `FileOptions`.
        label: attribute that is the class label, see `with_label`.
        record: what a run stored of these images; files that it has are not decoded again.

    Raises:
        ValueError: if the folder is missing or empty or has another layout, or an image cannot be
            read or does not fit; the message names all such files.
    """
    root = pathlib.Path(location).expanduser()
    _check(options)
    if not root.is_dir():
        raise ValueError(f'There is no folder {root}. Expected a folder of image files.')
    if record is not None and record.rules == EARLIER_RULES:
        size = holdout.VALIDATION_SIZE if validation_size is None else validation_size
        return load_earlier_folder(root, size, fit, options.channels, test_size)
    layout = read_layout(root)
    if 'test' in layout.splits and test_size is not None:
        raise ValueError(
            f'`test_size` is not accepted for {root}, because it has a folder '
            f'{layout.folders["test"]!r}; got test_size={test_size!r}.'
        )
    attributes = read_attributes(root, layout)
    files = [file for listing in layout.splits.values() for file in listing.files]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        digests = dict(zip(files, pool.map(file_digest, files)))
    found = _read_files(files, fit, options, _already_read(layout, digests, record))
    if found.bad and not options.skip_bad_images:
        raise ValueError(bad_files_message(found.bad))
    splits = {
        name: _make_split(listing, layout.classes, digests, found, attributes)
        for name, listing in layout.splits.items()
    }
    if not all(split.num_examples for split in splits.values()):
        raise ValueError(f'A split of {root} has no good images.\n{bad_files_message(found.bad)}')
    mixed_splits = {name: mixed(split) for name, split in splits.items()}
    train, validation, test = parts(mixed_splits, validation_size, test_size)
    notes = _notes(root, layout, found.bad, validation_size is not None)
    images = dataset.ImageDataset(
        root.resolve().name,
        found.shape,
        len(layout.classes) or None,
        train,
        validation,
        test,
        classes=layout.classes or None,
        notes=(*notes, *duplicates_note(train, validation, test)),
        attributes=attributes.names,
        image_type=options.value_type,
    )
    return with_label(images, label)


def _check(options: FileOptions) -> None:
    channels = options.channels
    if channels not in (None, 1, 3) or isinstance(channels, bool):
        raise ValueError(
            '`channels` must be 1 (grey), 3 (color) or None (as the first image); '
            f'got channels={channels!r}.'
        )
    check_value_type(options.value_type, options.value_range)
    if channels is not None and options.value_type != 'uint8':
        raise ValueError(
            '`channels` is of pictures of 8 bits; leave it out for '
            f'value_type={options.value_type!r}. Got channels={channels!r}.'
        )


def _already_read(
    layout: Layout, digests: Mapping[pathlib.Path, str], record: DataRecord | None
) -> frozenset[pathlib.Path]:
    """Return the files that a record of the run has with the same content."""
    return frozenset(
        file
        for listing in layout.splits.values()
        for file, name in zip(listing.files, listing.names)
        if record is not None and record.has_file(name, digests[file])
    )


def _read_files(
    files: Sequence[pathlib.Path],
    fit: Fit,
    options: FileOptions,
    known_good: frozenset[pathlib.Path],
) -> PictureFiles | ValueFiles:
    """Return the files, checked: as pictures of 8 bits, or with their own values."""
    if options.value_type != 'uint8':
        return read_value_files(files, options.value_type, fit)
    read = functools.partial(read_picture, value_range=options.value_range)
    return PictureFiles(check_files(files, fit, options.channels, read, known_good), read)


def _notes(
    root: pathlib.Path,
    layout: Layout,
    bad: Mapping[pathlib.Path, str],
    has_validation_size: bool,
) -> list[str]:
    """Return what was understood of the folder, and what was left out or is not used."""
    notes = [f'{root}: {layout.text}']
    if bad:
        names = [path.relative_to(root).as_posix() for path in bad]
        count = f'{len(names):,} bad image{" is" if len(names) == 1 else "s are"}'
        notes.append(f'{count} skipped: {shown(names)}')
    if 'validation' in layout.splits and has_validation_size:
        notes.append(
            f'The validation images are those in {layout.folders["validation"]}; validation_size '
            'is not used'
        )
    return notes


def _make_split(
    listing: Listing,
    classes: tuple[str, ...],
    digests: Mapping[pathlib.Path, str],
    found: PictureFiles | ValueFiles,
    attributes: FileAttributes,
) -> dataset.Split:
    good = [i for i, file in enumerate(listing.files) if file not in found.bad]
    files = [listing.files[i] for i in good]
    labels = np.full(len(files), -1)
    if listing.classes is not None:
        numbers = {name: number for number, name in enumerate(classes)}
        labels = np.array([numbers[listing.classes[i]] for i in good], np.int64)
    identities = Identities(
        tuple(digests[file] for file in files),
        tuple(listing.names[i] for i in good),
        None if listing.classes is None else labels,
        attributes.of(files),
    )
    return found.split(files, identities)
