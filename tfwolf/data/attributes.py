"""Named binary attributes of images, such as the 40 of CelebA, and one of them as the label."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfwolf.core.messages import did_you_mean
from tfwolf.data import dataset


class AttributeLabels(dataset.Split):
    """The images of another split, with one of their attributes as the label: 0 or 1.

    Args:
        split: a `Split` with attributes.
        number: column of the attribute.
    """

    def __init__(self, split: dataset.Split, number: int) -> None:
        super().__init__(split.num_examples)
        self._split, self._number = split, number
        known = split.identities
        if known is not None and known.attributes is not None:
            labels = known.attributes[:, number].astype(np.int64)
            self.identities = known._replace(labels=labels)

    def prefetch(self) -> None:
        """As `Split.prefetch`."""
        self._split.prefetch()

    def load(self, indices: tf.Tensor, seed: tf.Tensor | None = None) -> dataset.Batch:
        """As `Split.load`, with the attribute as the label."""
        with tf.device('CPU:0'):
            batch = self._split.load(indices, seed)
            return {**batch, 'label': tf.cast(batch['attributes'][:, self._number], tf.int64)}


def with_label(images: dataset.ImageDataset, label: str | None) -> dataset.ImageDataset:
    """Return a data set with one of its attributes as the class label.

    The classes are 'not NAME' (0) and NAME (1). The attributes stay.

    Args:
        images: the `ImageDataset`.
        label: name of an attribute; None keeps the class label, if there is one.

    Raises:
        ValueError: if there is no such attribute.
    """
    if label is None:
        return images
    number = attribute_number(images, label, '`label` (dataset.label)')
    train, validation, test = (
        AttributeLabels(split, number) for split in (images.train, images.validation, images.test)
    )
    return dataclasses.replace(
        images,
        train=train,
        validation=validation,
        test=test,
        num_classes=2,
        classes=(f'not {label}', label),
        original=images,
    )


def attribute_number(images: dataset.ImageDataset, attribute: str, argument: str) -> int:
    """Return the column of an attribute.

    Args:
        images: the `ImageDataset`.
        attribute: its name.
        argument: what names it, for messages.

    Raises:
        ValueError: if there is no such attribute; the message lists those that there are.
    """
    if attribute in images.attributes:
        return images.attributes.index(attribute)
    if not images.attributes:
        raise ValueError(
            f'{argument} must be an attribute of the images, and {images.title} has none; got '
            f'{attribute!r}. Attributes come from tfds:celeb_a, from attributes.csv in a folder, '
            "or from the array 'attributes' next to 'images'."
        )
    by_lower = {name.lower(): name for name in images.attributes}
    close = by_lower.get(str(attribute).lower())
    hint = f' Did you mean {close!r}?' if close else did_you_mean(attribute, images.attributes)
    raise ValueError(
        f'{argument} must be an attribute of {images.title}; got {attribute!r}.{hint} The '
        f'attributes are {", ".join(images.attributes)}.'
    )


def checked_names(title: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return names of attributes.

    Args:
        title: what holds them, for messages.
        names: at least one, all different and not empty.

    Raises:
        ValueError: if they are not.
    """
    found = tuple(str(name).strip() for name in names)
    repeated = sorted({name for name in found if found.count(name) > 1})
    if not found or '' in found or repeated:
        what = f'{repeated[0]!r} twice' if '' not in found and repeated else repr(list(found))
        raise ValueError(
            f'{title} must name at least one attribute, each once and none empty; got {what}.'
        )
    return found


def as_attributes(title: str, values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return attributes as bool `[num_images, num_attributes]`.

    Args:
        title: name of the array in messages.
        values: booleans, or integers 0 and 1, or -1 and 1 as in the list of CelebA.
        shape: (number of images, number of attributes) that the array must have.

    Raises:
        ValueError: if it has another shape or other values.
    """
    if values.dtype.kind not in 'bui' or values.shape != shape:
        raise ValueError(
            f'{title} must be booleans {list(shape)}, a row for each image and a column for each '
            f'of the {shape[1]} attribute names; got {values.dtype} {values.shape}.'
        )
    if values.dtype.kind == 'b':
        return values
    others = sorted(set(np.unique(values).tolist()) - {-1, 0, 1})
    if others or {-1, 0} <= set(np.unique(values).tolist()):
        raise ValueError(
            f'{title} must be 0 or 1, or -1 or 1; got {others[0] if others else "both -1 and 0"}.'
        )
    return values > 0
