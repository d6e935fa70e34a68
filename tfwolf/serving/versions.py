"""Versions of an exported model: a server sees a version whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator

SAVED_MODEL = 'saved_model.pb'


@contextlib.contextmanager
def new_version(export_dir: str, version: int | None = None) -> Iterator[_Published]:
    """Gives a folder to write a version into, and publishes it when the `with` block ends without
    an error.

    Args:
        export_dir: folder of all versions, made if it is not there. A server that watches it takes
            the folders whose name is an integer.
        version: integer; None for one more than the highest there is.

    Yields:
        An object whose `folder` lies beside the versions, where nobody looks, and is the version's
            own when the block has ended. After an
        error it is gone.

    Raises:
        ValueError: if the version is there already, or `export_dir` cannot be written to.
    """
    if version is not None and os.path.exists(os.path.join(export_dir, str(version))):
        raise ValueError(
            f'{os.path.join(export_dir, str(version))} is there already; nothing was written. '
            'Leave --version out for the next '
            'free one.'
        )
    with _written_aside(export_dir) as published:
        yield published
        published.folder = _rename(published.folder, export_dir, version)


@contextlib.contextmanager
def new_folder(path: str) -> Iterator[_Published]:
    """As `new_version`, for a folder that is no version and stands alone.

    Raises:
        ValueError: if it is there and not empty, or cannot be written.
    """
    if os.path.exists(path) and (not os.path.isdir(path) or os.listdir(path)):
        raise ValueError(
            f'{path} is there already and not empty; nothing was written. Choose another '
            '--export_dir.'
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
            f'--export_dir: {parent} cannot be written to: {error.strerror}. Nothing was exported.'
        ) from error
    # What a server runs as may be another user.
    os.chmod(folder, 0o755)
    try:
        yield _Published(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def versions(export_dir: str) -> list[int]:
    """Returns the versions in a folder, integers, the highest last."""
    names = os.listdir(export_dir) if os.path.isdir(export_dir) else []
    return sorted(
        int(name)
        for name in names
        if name.isdecimal() and os.path.isdir(os.path.join(export_dir, name))
    )


def find_version(export: str) -> str:
    """Returns the folder that holds the SavedModel: `export` itself, or the version in it with the
    highest number.

    Raises:
        ValueError: if there is none.
    """
    if not os.path.isdir(export):
        raise ValueError(
            f'There is no folder {export!r} (--export; working directory: {os.getcwd()}).'
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
            f'--export must be the folder of an exported model: {export!r} holds no '
            f'{SAVED_MODEL}, nor does a version in it '
            f'({export}/1/{SAVED_MODEL}). Make one with `python -m tfwolf.export`.'
        )
    return os.path.join(export, str(found[-1]))


class _Published:
    """Where a version is: `folder`."""

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
            # Somebody else has published this number meanwhile.
            if version is not None or not os.path.exists(target):
                raise ValueError(
                    f'{target} cannot be made: {error.strerror}. Nothing was exported.'
                ) from error
