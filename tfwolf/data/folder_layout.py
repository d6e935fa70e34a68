"""The layout of a folder of images: which files belong to which split and class."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from tfwolf.core.choices import SPLITS
from tfwolf.core.image_file import EXTENSIONS

# Names of folders of a split, in any case.
SPLIT_FOLDERS = {
    'train': 'train',
    'training': 'train',
    'val': 'validation',
    'valid': 'validation',
    'validation': 'validation',
    'test': 'test',
    'testing': 'test',
}
# Holds the attributes of the images, see `attributes_file`.
ATTRIBUTES_FILE = 'attributes.csv'
MAX_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Listing:
    """The files of a split.

    Attributes:
        files: their paths.
        names: their paths within the folder of the split, with / and in one normal form of Unicode,
            so that a copy on another system has the same names.
        classes: name of the class of each file; None without classes.
    """

    files: tuple[pathlib.Path, ...]
    names: tuple[str, ...]
    classes: tuple[str, ...] | None


@dataclasses.dataclass(frozen=True)
class Layout:
    """What a folder was understood to hold.

    Attributes:
        splits: `{'train', 'validation', 'test': Listing}` of the splits that it has; 'all' if it
            has none.
        classes: sorted names of the classes.
        folders: `{split: name of its folder}`.
        skipped: paths within the folder that are not used.
    """

    splits: dict[str, Listing]
    classes: tuple[str, ...]
    folders: dict[str, str]
    skipped: tuple[str, ...]

    @property
    def text(self) -> str:
        """One line that says what was understood, and what is skipped."""
        parts = [
            f'{len(listing.files):,} images'
            + (f' for {split} (folder {self.folders[split]})' if split in self.folders else '')
            for split, listing in self.splits.items()
        ]
        count = len(self.classes)
        kinds = (
            f'{count} classes, one per folder ({shown(self.classes)})' if count else 'no classes'
        )
        skipped = f'; {len(self.skipped):,} skipped ({shown(self.skipped)})' if self.skipped else ''
        missing = [split for split in SPLITS[1:] if split not in self.splits]
        held_out = f'; held out: {" and ".join(missing)}' if missing else ''
        return f'{", ".join(parts)}{held_out}; {kinds}{skipped}'


def shown(names: Sequence[str], most: int = MAX_SHOWN) -> str:
    """Return the first names, separated by commas, and how many are left out."""
    more = f' and {len(names) - most:,} more' if len(names) > most else ''
    text = ', '.join(names[:most]) + more
    # A name may not be valid Unicode, which cannot be printed.
    return text.encode('utf-8', 'surrogateescape').decode('utf-8', 'backslashreplace')


def read_layout(root: pathlib.Path) -> Layout:
    """Return the `Layout` of a folder.

    It has folders of splits (`SPLIT_FOLDERS`), or the images of all splits. In either case the
    images are directly in the folder, or in one folder per class; folders within those of a class
    belong to the class.

    Raises:
        ValueError: if there are no images, or the layout is ambiguous.
    """
    skipped: list[str] = []
    folders = _split_folders(root)
    if folders:
        for entry in _entries(root, skipped, root):
            if entry not in folders.values():
                skipped.append(_name(entry, root))
        splits = {split: _listing(folder, root, skipped) for split, folder in folders.items()}
    else:
        splits = {'all': _listing(root, root, skipped)}
    known = splits.get('train', splits.get('all'))
    if known is None:
        raise ValueError(
            f'{root} has {_named(folders.values())}, but no training images. Add a folder '
            "'train', or name the folder whose images are to be split as the source."
        )
    classes = tuple(sorted(set(known.classes or ())))
    for split, listing in splits.items():
        others = sorted(set(listing.classes or ()) - set(classes))
        if others:
            raise ValueError(
                f'{folders[split]} must have the same class folders as {folders["train"]}; '
                f'it also has {shown(others)}. Those of {folders["train"].name} are '
                f'{shown(classes) or "none, its images are directly in it"}.'
            )
    named = {split: folder.name for split, folder in folders.items()}
    skipped = [name for name in skipped if name != ATTRIBUTES_FILE]
    return Layout(splits, classes, named, tuple(skipped))


def _split_folders(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Return the folder of each split; none if the folder is not divided into splits."""
    found = collections.defaultdict(list)
    others = []
    for entry in sorted(root.iterdir()):
        if entry.is_dir() and not _is_hidden(entry):
            split = SPLIT_FOLDERS.get(entry.name.lower())
            (found[split] if split else others).append(entry)
    for split, entries in found.items():
        if len(entries) > 1:
            raise ValueError(
                f'{root} has {_named(entries)}, which both may be the images for {split}. Rename '
                'one of them.'
            )
    folders = {split: found[split][0] for split in SPLITS if split in found}
    filled = [entry for entry in others if any(_images_below(entry))]
    if len(folders) == 1 and filled:
        only = next(iter(folders.values()))
        raise ValueError(
            f'{root} has the folder {only.name!r} next to {_named(filled)}. Is it a split, or a '
            f"class? As a split it needs another one ('train' and 'test'), or must be the only "
            'folder; a class must have another name.'
        )
    return folders


def _listing(folder: pathlib.Path, root: pathlib.Path, skipped: list[str]) -> Listing:
    """Return the files of a split, and add what is not used to `skipped`."""
    entries = _entries(folder, skipped, root)
    loose, classes = [], []
    for entry in entries:
        if entry.is_dir():
            classes.append(entry)
        elif _is_image(entry):
            loose.append(entry)
        else:
            skipped.append(_name(entry, root))
    filled = {entry: list(_walk(entry, skipped, root)) for entry in classes}
    if loose and any(filled.values()):
        first = next(entry for entry, files in filled.items() if files)
        raise ValueError(
            f'{folder} must hold either images or one folder per class; it holds both, such as '
            f'{loose[0].name} and {first.name}.'
        )
    empty = [entry for entry, files in filled.items() if not files]
    if empty and not loose:
        raise ValueError(
            f'The folder {empty[0]} holds no images ({", ".join(EXTENSIONS)}). Fill or remove it.'
        )
    skipped += [_name(entry, root) for entry in empty]
    files = loose or [file for found in filled.values() for file in found]
    if not files:
        raise ValueError(f'The folder {folder} holds no images ({", ".join(EXTENSIONS)}).')
    names = tuple(_name(file, folder) for file in files)
    labels = None if loose else tuple(name.partition('/')[0] for name in names)
    return Listing(tuple(files), names, labels)


def _walk(folder: pathlib.Path, skipped: list[str], root: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield the images anywhere below the folder of a class."""
    for entry in _entries(folder, skipped, root):
        if entry.is_dir():
            if entry.name.lower() in SPLIT_FOLDERS and any(_images_below(entry)):
                raise ValueError(
                    f'{entry} has the name of a split, but is within {folder}, which would be a '
                    f'class. If {folder.name!r} is not a class, name it as the source; else put '
                    "the folders of the classes into 'train' and 'test'."
                )
            yield from _walk(entry, skipped, root)
        elif _is_image(entry):
            yield entry
        else:
            skipped.append(_name(entry, root))


def _entries(folder: pathlib.Path, skipped: list[str], root: pathlib.Path) -> list[pathlib.Path]:
    """Return what is in a folder, sorted by name, without what is never used, which is skipped."""
    entries = []
    for entry in sorted(
        folder.iterdir(), key=lambda entry: unicodedata.normalize('NFC', entry.name)
    ):
        if _is_hidden(entry) or _is_link_back(entry):
            skipped.append(_name(entry, root))
        else:
            entries.append(entry)
    return entries


def _images_below(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    for entry in _entries(folder, [], folder):
        if entry.is_dir():
            yield from _images_below(entry)
        elif _is_image(entry):
            yield entry


def _is_hidden(entry: pathlib.Path) -> bool:
    # __MACOSX is what macOS adds to archives.
    return entry.name.startswith('.') or entry.name == '__MACOSX'


def _is_link_back(entry: pathlib.Path) -> bool:
    """Return whether an entry is a link to a folder that contains it."""
    if not (entry.is_symlink() and entry.is_dir()):
        return False
    target = entry.resolve()
    return target in (entry.parent.resolve(), *entry.parent.resolve().parents)


def _is_image(entry: pathlib.Path) -> bool:
    return entry.suffix.lower() in EXTENSIONS and not _is_hidden(entry) and not entry.is_dir()


def _name(entry: pathlib.Path, folder: pathlib.Path) -> str:
    return unicodedata.normalize('NFC', entry.relative_to(folder).as_posix())


def _named(folders: Iterable[pathlib.Path]) -> str:
    return ' and '.join(repr(folder.name) for folder in folders)
