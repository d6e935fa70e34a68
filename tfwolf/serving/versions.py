"""Versions of an exported model, each published as a whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator

from tfwolf.core.paths import for_tensorflow

SAVED_MODEL = 'saved_model.pb'


@contextlib.contextmanager
def new_version(export_dir: str, version: int | None = None) -> Iterator[_Published]:
    """Yield a folder to write a version into; publish it when the `with` block ends.

    After an error in the block, the folder is deleted.

    Args:
        export_dir: folder of all versions, made if it does not exist. A server watches it for
            folders whose name is an integer.
        version: integer; None is one more than the highest version.

    Yields:
        An object whose `folder` is a hidden folder in `export_dir`, and that of the published
        version after the block.

    Raises:
        ValueError: if the version exists, or `export_dir` is not writable or has a name that
            TensorFlow cannot read.
    """
    export_dir = for_tensorflow('export_dir', export_dir)
    if version is not None and os.path.exists(os.path.join(export_dir, str(version))):
        raise ValueError(
            f'{os.path.join(export_dir, str(version))} already exists; nothing was written. '
            'Without --version the next free number is used.'
        )
    with _written_aside(export_dir) as published:
        yield published
        published.folder = _rename(published.folder, export_dir, version)


@contextlib.contextmanager
def new_folder(path: str) -> Iterator[_Published]:
    """Yield a folder to write into, like `new_version`; publish it as `path`.

    Raises:
        ValueError: if `path` exists and is not an empty folder, or is not writable.
    """
    if os.path.exists(path) and (not os.path.isdir(path) or os.listdir(path)):
        raise ValueError(
            f'{path} already exists and is not an empty folder; nothing was written. Choose '
            'another --export_dir.'
        )
    with _written_aside(os.path.dirname(os.path.abspath(path))) as published:
        yield published
        os.replace(published.folder, path)
        published.folder = path


@contextlib.contextmanager
def _written_aside(parent):
    try:
        os.makedirs(parent, exist_ok=True)
        folder = tempfile.mkdtemp(prefix='.unfinished-', dir=parent)
    except OSError as error:
        raise ValueError(
            f'--export_dir: {parent} is not writable: {error.strerror}. Nothing was exported.'
        ) from error
    # The server may run as another user.
    os.chmod(folder, 0o755)
    try:
        yield _Published(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def versions(export_dir: str) -> list[int]:
    """Return the versions in a folder, integers in ascending order."""
    names = os.listdir(export_dir) if os.path.isdir(export_dir) else []
    return sorted(
        int(name)
        for name in names
        if name.isdecimal() and os.path.isdir(os.path.join(export_dir, name))
    )


def find_version(export: str) -> str:
    """Return the folder of a SavedModel: `export` itself, or the highest version in it.

    Raises:
        ValueError: if there is no SavedModel.
    """
    export = for_tensorflow('export_dir', export)
    if not os.path.isdir(export):
        raise ValueError(
            f'The folder {export!r} (--export) does not exist (working directory: {os.getcwd()}).'
        )
    if os.path.isfile(os.path.join(export, SAVED_MODEL)):
        return export
    found = [
        version
        for version in versions(export)
        if os.path.isfile(os.path.join(export, str(version), SAVED_MODEL))
    ]
    if not found:
        raise ValueError(
            f'--export must be the folder of an exported model; {export!r} has neither '
            f'{SAVED_MODEL} nor a version with it ({export}/1/{SAVED_MODEL}). '
            'Write one with `tfwolf export`.'
        )
    return os.path.join(export, str(found[-1]))


class _Published:
    """A version that is being written.

    Attributes:
        folder: where its files are.
    """

    def __init__(self, folder: str) -> None:
        self.folder: str = folder


def _rename(folder, export_dir, version):
    while True:
        number = version if version is not None else (versions(export_dir) or [0])[-1] + 1
        target = os.path.join(export_dir, str(number))
        try:
            os.rename(folder, target)
            return target
        except OSError as error:
            # Without a fixed number: another process has published this one in the meantime.
            if version is not None or not os.path.exists(target):
                raise ValueError(
                    f'{target} cannot be created: {error.strerror}. Nothing was exported.'
                ) from error
