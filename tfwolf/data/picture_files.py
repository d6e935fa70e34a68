"""Files of images that become pictures of 8 bits."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfwolf.data import dataset
from tfwolf.data.file_checks import CheckedFiles
from tfwolf.data.file_split import file_split
from tfwolf.data.identities import Identities


class PictureFiles(NamedTuple):
    """Pictures of 8 bits that were checked, as `ValueFiles` are.

    Attributes:
        checked: what was found in the files.
        read: function from a path to a `Picture`.
    """

    checked: CheckedFiles
    read: functools.partial

    @property
    def bad(self) -> dict[pathlib.Path, str]:
        """`{path: what is wrong}`."""
        return self.checked.bad

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return (*self.checked.fit.target_size, self.checked.channels)

    def split(self, files: Sequence[pathlib.Path], identities: Identities) -> dataset.Split:
        """Return the split of some of the files."""
        found = self.checked
        labels = np.full(len(files), -1) if identities.labels is None else identities.labels
        return file_split(
            files, labels, found.fit, found.channels, self.read, identities, found.decoded
        )
