"""Files of NumPy arrays, and which of their arrays are images and labels of which split."""

from __future__ import annotations

import dataclasses
import pathlib
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np

# Names of (images, labels) in any case, by split: ours and those of MedMNIST, then those of Keras.
NAMES = {
    'train': (('train_images', 'train_labels'), ('x_train', 'y_train')),
    'validation': (('val_images', 'val_labels'), ('x_val', 'y_val')),
    'test': (('test_images', 'test_labels'), ('x_test', 'y_test')),
    'all': (('images', 'labels'), ('x', 'y')),
}
# Names of the attributes of each split, and of their names.
ATTRIBUTES = {
    'train': 'train_attributes',
    'validation': 'val_attributes',
    'test': 'test_attributes',
    'all': 'attributes',
}
ATTRIBUTE_NAMES = 'attribute_names'
SYNONYMS = {'valid': 'val', 'validation': 'val', 'image': 'images', 'label': 'labels'}
EXPECTED = (
    "'train_images' and optionally 'test_images', 'val_images', 'train_labels' and the like, or "
    "'x_train', 'x_test', 'y_train' and the like, or 'images' and optionally 'labels'"
)


@dataclasses.dataclass(frozen=True)
class Arrays:
    """The arrays of a file or folder.

    Attributes:
        values: `{name: array}`.
        names: `{split: (name of the images, name of the labels or None)}`, with the splits 'train',
            'validation' and 'test', or 'all'.
        attributes: `{split: name of the array of attributes}` of the splits that have one.
        attribute_names: name of the array of their names, or None.
    """

    values: Mapping[str, np.ndarray]
    names: dict[str, tuple[str, str | None]]
    attributes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    attribute_names: str | None = None

    @property
    def text(self) -> str:
        """One line that says which arrays are used, and which are not."""
        used = [
            f'{images} for {"all splits" if split == "all" else split}'
            + (f' with {labels}' if labels else ', no labels')
            + (f' and {self.attributes[split]}' if split in self.attributes else '')
            for split, (images, labels) in self.names.items()
        ]
        used_names = {name for pair in self.names.values() for name in pair}
        used_names |= {*self.attributes.values(), self.attribute_names}
        others = sorted(set(self.values) - used_names)
        return '; '.join(used) + (f'; not used: {", ".join(others)}' if others else '')


def find_arrays(path: pathlib.Path) -> Arrays:
    """Return the `Arrays` of an `.npz` or `.npy` file, or of a folder of named `.npy` files.

    Raises:
        ValueError: if there is no such file, it cannot be read, or there are no images for
            training.
    """
    values = _read_folder(path) if path.is_dir() else _read(path)
    by_name: dict[str, str] = {}
    for name in values:
        plain = _plain(name)
        if plain in by_name:
            raise ValueError(f'{path} holds both {by_name[plain]!r} and {name!r}. Remove one.')
        by_name[plain] = name
    found = {}
    for split, pairs in NAMES.items():
        for images, labels in pairs:
            if images in by_name:
                found.setdefault(split, (by_name[images], by_name.get(labels)))
    if 'all' in found and len(found) > 1 or not {'all', 'train'} & set(found):
        raise ValueError(f'{path} must hold {EXPECTED}; it holds {sorted(values)}.')
    attributes = {
        split: by_name[ATTRIBUTES[split]] for split in found if ATTRIBUTES[split] in by_name
    }
    return Arrays(values, found, attributes, by_name.get(ATTRIBUTE_NAMES))


def _plain(name: str) -> str:
    parts = name.lower().replace('-', '_').split('_')
    return '_'.join(SYNONYMS.get(part, part) for part in parts)


def _read(path: pathlib.Path) -> dict[str, np.ndarray]:
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            return {'images': archive}
        with archive:
            return {key: archive[key] for key in archive.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f'{path} cannot be read as a NumPy archive (.npz without pickled objects): {error}. '
            f'It must hold {EXPECTED}.'
        ) from error


def _read_folder(path: pathlib.Path) -> dict[str, np.ndarray]:
    files = sorted(file for file in path.iterdir() if file.suffix.lower() == '.npy')
    if not files:
        raise ValueError(
            f'The folder {path} holds no .npy files. They must be {EXPECTED}, each with .npy. For '
            'a folder of image files use the source folder:PATH.'
        )
    if not any(
        _plain(file.stem) in {pair[0] for pairs in NAMES.values() for pair in pairs}
        for file in files
    ):
        raise ValueError(
            f'The .npy files of {path} must be {EXPECTED}; got {files[0].name}'
            f'{", ..." if len(files) > 1 else ""}. For a file per image use the source folder:PATH.'
        )
    arrays = {file.stem: _read(file).get('images') for file in files}
    bad = [name for name, array in arrays.items() if array is None]
    if bad:
        raise ValueError(f'{path / bad[0]}.npy must be one array; it is an archive of arrays.')
    return {name: array for name, array in arrays.items() if array is not None}
