"""What identifies the images of a split: names and checksums, without decoding."""

from __future__ import annotations

import hashlib
import os
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

DIGEST_BYTES = 8
# Of a larger file only the start and the end are read: enough to notice a change, and fast.
EDGE_BYTES = 32 * 2**10


class Identities(NamedTuple):
    """What identifies images, in their order.

    Attributes:
        digests: hexadecimal checksum of the content of each image.
        names: name of each image within its split; None if they have none.
        labels: integers `[n]`, or None without labels.
        attributes: bool `[n, num_attributes]`, or None without attributes.
    """

    digests: tuple[str, ...]
    names: tuple[str, ...] | None = None
    labels: np.ndarray | None = None
    attributes: np.ndarray | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """What decides in which split an image belongs: its name, or else its content."""
        return self.digests if self.names is None else self.names

    def select(self, positions: np.ndarray | Sequence[int]) -> Identities:
        """Return the `Identities` of the images at `positions`, integers `[n]`."""
        rows = np.asarray(positions, np.int64)
        return Identities(
            tuple(self.digests[i] for i in rows),
            None if self.names is None else tuple(self.names[i] for i in rows),
            None if self.labels is None else self.labels[rows],
            None if self.attributes is None else self.attributes[rows],
        )


def of_arrays(
    images: np.ndarray, labels: np.ndarray | None, attributes: np.ndarray | None = None
) -> Identities:
    """Return the `Identities` of arrays.

    Args:
        images: `[n, height, width, channels]`.
        labels: integers `[n]`, or None.
        attributes: bool `[n, num_attributes]`, or None.
    """
    digests = tuple(_digest(np.ascontiguousarray(image).data) for image in images)
    return Identities(digests, None, labels, attributes)


def file_digest(path: pathlib.Path) -> str:
    """Return a checksum of the size, the start and the end of a file; '' if it cannot be read."""
    try:
        with open(path, 'rb') as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(EDGE_BYTES)
            if size > 2 * EDGE_BYTES:
                file.seek(size - EDGE_BYTES)
            content += file.read(EDGE_BYTES)
    except OSError:
        return ''
    return _digest(f'{size} '.encode() + content)


def _digest(content: bytes | memoryview) -> str:
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).hexdigest()
