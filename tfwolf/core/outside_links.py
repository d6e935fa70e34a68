"""Links in a folder that lead outside of it: through them, a stranger's run reaches other files."""

from __future__ import annotations

import os
from collections.abc import Iterator


def check_no_outside_links(folder: str | os.PathLike[str]) -> None:
    """Check that a folder holds only files, folders, and links to these.

    The folder itself may be a link. The cache of the Hugging Face hub, where the files of a
    download are links to its own folder `blobs`, is accepted.

    Args:
        folder: path; a missing folder is accepted.

    Raises:
        ValueError: naming the first link that leads outside, or the first pipe, socket or device.
    """
    inside = [os.path.realpath(folder), *_blobs(folder)]
    for entry in _entries(os.fspath(folder)):
        target = os.path.realpath(entry.path)
        if not any(_contains(place, target) for place in inside):
            raise ValueError(
                f'{entry.path} is a link that leads out of the folder of the run, to {target}; '
                'what a run holds must lie in its folder. If you know these files, replace the '
                'link by them, or copy the run together with them by '
                '`cp --recursive --dereference`.'
            )
        if not entry.is_symlink() and not (entry.is_file() or entry.is_dir()):
            raise ValueError(
                f'{entry.path} is neither a file nor a folder, so the folder holds no run of '
                'tfwolf. Remove it if you trust the run.'
            )


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """Yield what lies in a folder and its folders; links are not followed."""
    try:
        found = os.scandir(folder)
    except OSError:  # missing, or removed meanwhile
        return
    with found:
        for entry in found:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry.path)


def _blobs(folder: str | os.PathLike[str]) -> list[str]:
    """Return the folder `blobs` of a cache `blobs/`, `snapshots/HASH/` if `folder` is in one."""
    snapshots, _ = os.path.split(os.path.realpath(folder))
    repository, name = os.path.split(snapshots)
    return [os.path.join(repository, 'blobs')] if name == 'snapshots' else []


def _contains(folder: str, path: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ''))
