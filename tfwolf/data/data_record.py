"""What a run stores of its images: enough to tell later what has changed."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfwolf.core.choices import SPLITS
from tfwolf.data.dataset import ImageDataset, Split

# Rules by which images are read and held out. Runs that stored nothing keep the earlier ones.
EARLIER_RULES, RULES = 1, 2
# Images that are read for a split whose images have no checksums.
NUM_SAMPLED = 64


@dataclasses.dataclass(frozen=True)
class SplitRecord:
    """What is stored of a split.

    Attributes:
        num_images: number of images.
        sha256: of all that follows, or of images that are evenly spaced in the split; None if the
            origin of the data set identifies them.
        labels: SHA-256 of the labels and the attributes, or None without either.
        digests, names: see `Identities`, or None.
    """

    num_images: int
    sha256: str | None = None
    labels: str | None = None
    digests: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None


@dataclasses.dataclass(frozen=True)
class DataRecord:
    """What is stored of an `ImageDataset`.

    Attributes:
        rules: `EARLIER_RULES` or `RULES`.
        splits: `{name: SplitRecord}`; empty for a run that stored nothing.
        image_shape: (height, width, channels), or None for a run that stored nothing.
        classes: names of the classes, or None.
        origin: as of the `ImageDataset`.
        source: the source as it was given, or None for images from Python.
        accepted_changes: changes with which training was continued.
    """

    rules: int = RULES
    splits: Mapping[str, SplitRecord] = dataclasses.field(default_factory=dict)
    image_shape: tuple[int, int, int] | None = None
    classes: tuple[str, ...] | None = None
    origin: Mapping[str, object] | None = None
    source: str | None = None
    accepted_changes: tuple[str, ...] = ()

    def has_file(self, name: str, digest: str) -> bool:
        """Return whether a file of this name and checksum is in one of the splits."""
        return (name, digest) in self._files

    @functools.cached_property
    def _files(self) -> set[tuple[str, str]]:
        return {
            pair
            for split in self.splits.values()
            for pair in zip(split.names or (), split.digests or ())
        }


def record_of(
    dataset: ImageDataset,
    rules: int,
    source: str | None = None,
    accepted_changes: tuple[str, ...] = (),
) -> DataRecord:
    """Return the `DataRecord` of an `ImageDataset`, whatever of it is chosen as the label.

    Images are read only for a source that tells neither their identities nor their origin, and
    then only a few.
    """
    dataset = dataset.original or dataset
    return DataRecord(
        rules,
        {
            name: _split_record(getattr(dataset, name), dataset.origin is not None)
            for name in SPLITS
        },
        dataset.image_shape,
        dataset.classes,
        None if dataset.origin is None else json.loads(json.dumps(dataset.origin)),
        source,
        accepted_changes,
    )


def _split_record(split: Split, has_origin: bool) -> SplitRecord:
    count, found = split.num_examples, split.identities
    if found is None:
        return SplitRecord(count, None if has_origin or not count else _sampled(split))
    text = '\n'.join([*found.digests, *(found.names or ())])
    marks = [] if found.labels is None else [found.labels.astype('<i8').tobytes()]
    if found.attributes is not None:
        marks.append(np.packbits(found.attributes, axis=1).tobytes())
    labels = _sha256(*marks) if marks else None
    content = text.encode('utf-8', 'surrogateescape')
    return SplitRecord(count, _sha256(content), labels, found.digests, found.names)


def _sampled(split: Split) -> str:
    positions = np.unique(np.linspace(0, split.num_examples - 1, NUM_SAMPLED).astype(np.int64))
    batch = split.load(tf.constant(positions))
    return _sha256(
        *(np.ascontiguousarray(batch[name].numpy()).tobytes() for name in ('image', 'label'))
    )


def _sha256(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return digest.hexdigest()


def summary(record: DataRecord) -> dict[str, Any]:
    """Return the JSON values of a record, without the names and checksums of single images."""
    return {
        'rules': record.rules,
        'source': record.source,
        'image_shape': record.image_shape,
        'classes': record.classes,
        'origin': record.origin,
        'splits': {
            name: {
                'num_images': split.num_images,
                'sha256': split.sha256,
                'labels_sha256': split.labels,
            }
            for name, split in record.splits.items()
        },
        'accepted_changes': record.accepted_changes,
    }


def images(record: DataRecord) -> dict[str, Any]:
    """Return the JSON values of the names and checksums of single images, by split."""
    return {
        name: {'digests': split.digests, 'names': split.names}
        for name, split in record.splits.items()
        if split.digests is not None
    }


def from_json(about: Mapping[str, Any], single: Mapping[str, Any]) -> DataRecord:
    """Return the `DataRecord` of what `summary` and `images` returned.

    Raises:
        KeyError, TypeError, ValueError: if they are of another kind.
    """

    def known(values: Any) -> Any:
        return None if values is None else tuple(values)

    return DataRecord(
        int(about['rules']),
        {
            name: SplitRecord(
                int(split['num_images']),
                split['sha256'],
                split['labels_sha256'],
                known(single.get(name, {}).get('digests')),
                known(single.get(name, {}).get('names')),
            )
            for name, split in about['splits'].items()
        },
        known(about['image_shape']),
        known(about['classes']),
        about['origin'],
        about['source'],
        tuple(about['accepted_changes']),
    )
