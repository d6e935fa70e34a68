"""The features that a probe is given: z, v or the pixels of images, kept in files so that they are computed once."""
from __future__ import annotations

import os
from typing import Dict, List, Optional, Sequence, Tuple
import zipfile

import numpy as np
import tensorflow as tf

from tfwolf import validate
from tfwolf.data.dataset import ImageDataset, Split
from tfwolf.evaluation.coder import Coder
from tfwolf.progress import progress_bar

FEATURES = ('z', 'v', 'pixels')
# Images that are in memory at a time beside their features.
CHUNK = 2048


def labelled_images(dataset: ImageDataset, num_train: Optional[int] = None,
                    num_test: Optional[int] = None) -> Tuple[List[Split], List[Split]]:
    """Returns two lists of `Split`s: the images to train a probe on, which are training and validation images, and the test images.

    Args:
        dataset: an `ImageDataset`.
        num_train, num_test: how many of the first ones; None for all.

    Raises:
        ValueError: if the images have no labels, or there are not as many.
    """
    if dataset.num_classes is None:
        raise ValueError(f'{dataset.title} has no class labels; a probe needs them.')
    return (_first('num_train', [dataset.train, dataset.validation], num_train), _first('num_test', [dataset.test], num_test))


def extract(coder: Coder, splits: Sequence[Split], names: Sequence[str]) -> Tuple[Dict[str, np.ndarray], np.ndarray]:
    """Returns `({name: float32 [num_images, dim]}, labels int64 [num_images])` of the images of splits, one after the other.

    z is the mean of q(z|x) `[num_images, latent_dim]`, v is flattened, and pixels are in [-1, 1] at the model's number of bits, flattened.

    Args:
        coder: a `Coder`.
        splits: list of `Split`s.
        names: some of `FEATURES`.

    Raises:
        ValueError: if z is asked for and the model has none, or a name is unknown.
    """
    model = coder.model
    for name in names:
        if name not in FEATURES:
            raise ValueError(f'`names` must be some of {FEATURES}; got {name!r}.')
        if name == 'z' and not model.latent.has_z:
            raise ValueError("`names` has 'z', but the model has no latent z.")
    count = sum(split.num_examples for split in splits)
    found = {name: np.empty((count, model.latent.dim if name == 'z' else model.num_dims), np.float32) for name in names}
    labels, done = np.empty(count, np.int64), 0
    with progress_bar(count, 0, 'Computing features', 'image', delay=3) as bar:
        for split in splits:
            for first in range(0, split.num_examples, CHUNK):
                examples = split.load(tf.range(first, min(first + CHUNK, split.num_examples), dtype=tf.int64))
                images, own = examples['image'].numpy(), examples['label'].numpy()
                rows = slice(done, done + len(images))
                labels[rows] = own
                if 'pixels' in names:
                    x = model.bin_centres(images)
                    found['pixels'][rows] = x.numpy().reshape(len(images), -1)
                if {'z', 'v'} & set(names):
                    code = coder.encode(images, own)
                    for name in {'z', 'v'} & set(names):
                        found[name][rows] = getattr(code, name).reshape(len(images), -1)
                done += len(images)
                bar.update(len(images))
    return found, labels


def save_features(path: str, features: np.ndarray, labels: np.ndarray, key: str) -> None:
    """Writes features `[num_images, dim]` and labels as a NumPy archive with a `key`, a text, whole or not at all."""
    with open(f'{path}.part', 'wb') as file:
        np.savez(file, features=features, labels=labels, key=key)
    os.replace(f'{path}.part', path)


def load_features(path: str, key: str) -> Optional[Tuple[np.ndarray, np.ndarray]]:
    """Returns (features, labels) of a file that `save_features` wrote with this `key`, or None if there is none, or none that can be read."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return (archive['features'], archive['labels']) if str(archive['key']) == key else None
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def _first(name: str, splits: Sequence[Split], count: Optional[int]) -> List[Split]:
    """Returns the splits cut to their first `count` images together, empty ones left out."""
    total = sum(split.num_examples for split in splits)
    if count is not None and validate.integer(name, count, minimum=1) > total:
        raise ValueError(f'`{name}` must be at most {total:,}, which is how many images there are; got {count:,}.')
    chosen, left = [], total if count is None else count
    for split in splits:
        if min(left, split.num_examples):
            chosen.append(split.take(min(left, split.num_examples)))
        left -= min(left, split.num_examples)
    return chosen
