"""Held-out images that are also training images."""

from __future__ import annotations

from collections.abc import Sequence

from tfwolf.data.dataset import Split
from tfwolf.data.folder_layout import shown

MAX_SHOWN = 3


def duplicates_note(train: Split, validation: Split, test: Split) -> Sequence[str]:
    """Return a line if images of the test or validation split are in the training split, too.

    Only images of the same content are found, in splits that have `identities`.
    """
    if train.identities is None:
        return ()
    known = set(train.identities.digests)
    notes = []
    for name, split in (('test', test), ('validation', validation)):
        if split.identities is None:
            continue
        places = [i for i, digest in enumerate(split.identities.digests) if digest in known]
        if places:
            names = split.identities.names
            found = [names[i] if names else f'position {i}' for i in places]
            notes.append(
                f'WARNING: {len(places):,} {name} images are also training images '
                f'({shown(found, MAX_SHOWN)})'
            )
    return notes
