"""Features for a probe: z, v or pixels of images, cached in files so they are computed once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfwolf.analysis.coder import Coder
from tfwolf.core import validate
from tfwolf.core.choices import FEATURES
from tfwolf.core.progress import progress_bar
from tfwolf.core.sealed_archive import read_sealed, write_sealed
from tfwolf.data.dataset import ImageDataset, Split
from tfwolf.data.fingerprint import data_fingerprint

# Images that are in memory at a time, in addition to their features.
CHUNK = 2048


def labelled_images(
    dataset: ImageDataset, num_train: int | None = None, num_test: int | None = None
) -> tuple[list[Split], list[Split]]:
    """Return two lists of `Split`s: images to train a probe on, and test images.

    The former are the training and the validation images.

    Args:
        dataset: an `ImageDataset`.
        num_train: number of images to train on, the first ones; None for all.
        num_test: number of test images, the first ones; None for all.

    Raises:
        ValueError: if the images have no labels, or a number is larger than that of the images.
    """
    if dataset.num_classes is None:
        raise ValueError(f'{dataset.title} has no class labels; a probe needs them.')
    return (
        _first('num_train', [dataset.train, dataset.validation], num_train),
        _first('num_test', [dataset.test], num_test),
    )


def extract(
    coder: Coder, splits: Sequence[Split], names: Sequence[str]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return `({name: float32 [num_images, dim]}, labels int64 [num_images])` of all splits.

    z is the mean of q(z|x) `[num_images, latent_dim]`, v is flattened, and pixels are in [-1, 1] at
    the model's number of bits, flattened.

    Args:
        coder: a `Coder`.
        splits: list of `Split`s.
        names: some of `FEATURES`.

    Raises:
        ValueError: if z is requested and the model has none, or a name is unknown.
    """
    model = coder.model
    for name in names:
        if name not in FEATURES:
            raise ValueError(f'`names` must be some of {FEATURES}; got {name!r}.')
        if name == 'z' and not model.latent.has_z:
            raise ValueError("`names` has 'z', but the model has no latent z.")
    count = sum(split.num_examples for split in splits)
    found = {
        name: np.empty((count, model.latent.dim if name == 'z' else model.num_dims), np.float32)
        for name in names
    }
    labels, done = np.empty(count, np.int64), 0
    with progress_bar(count, 0, 'Computing features', 'image', delay=3) as bar:
        for split in splits:
            for first in range(0, split.num_examples, CHUNK):
                examples = split.load(
                    tf.range(first, min(first + CHUNK, split.num_examples), dtype=tf.int64)
                )
                images, own = examples['image'].numpy(), examples['label'].numpy()
                rows = slice(done, done + len(images))
                labels[rows] = own
                if 'pixels' in names:
                    x = model.bin_centers(images)
                    found['pixels'][rows] = x.numpy().reshape(len(images), -1)
                if {'z', 'v'} & set(names):
                    code = coder.encode(images, own)
                    for name in {'z', 'v'} & set(names):
                        found[name][rows] = getattr(code, name).reshape(len(images), -1)
                done += len(images)
                bar.update(len(images))
    return found, labels


def save_features(path: str, features: np.ndarray, labels: np.ndarray, key: str) -> None:
    """Write features and labels as a sealed NumPy archive, atomically.

    Args:
        path: of the archive.
        features: `[num_images, dim]`.
        labels: `[num_images]`.
        key: text that `load_features` compares.
    """
    write_sealed(path, {'features': features, 'labels': labels, 'key': np.array(key)})


def load_features(path: str, key: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return (features, labels) that `save_features` wrote with this key, or None.

    It is None if the file does not exist, is damaged or has another key.
    """
    arrays = read_sealed(path)
    if arrays is None or str(arrays.get('key')) != key:
        return None
    return arrays['features'], arrays['labels']


def kept_features(
    coder: Coder,
    folder: str,
    splits: Sequence[Sequence[Split]],
    names: Sequence[str],
    key: tuple[Any, ...],
) -> list[dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Return `{name: (features, labels)}` of the training and of the test images.

    They are read from files in a folder if those exist, and otherwise computed and written there.

    Args:
        coder: a `Coder`.
        folder: folder of the files.
        splits: the lists of training and of test splits, as `labelled_images` returns them.
        names: some of `FEATURES`.
        key: everything that the features depend on besides the images.
    """
    parts = []
    for part, own in zip(('train', 'test'), splits, strict=True):
        own_key = repr((*key, ' '.join(data_fingerprint(split) for split in own)))
        paths = {name: os.path.join(folder, f'{part}_{name}.npz') for name in names}
        loaded = {name: load_features(path, own_key) for name, path in paths.items()}
        found = {name: arrays for name, arrays in loaded.items() if arrays is not None}
        missing = [name for name in names if name not in found]
        if missing:
            features, labels = extract(coder, own, missing)
            for name in missing:
                save_features(paths[name], features[name], labels, own_key)
                found[name] = (features[name], labels)
        else:
            print(
                f'Reusing saved features: {", ".join(names)} of the '
                f'{"training" if part == "train" else "test"} images',
                flush=True,
            )
        parts.append({name: found[name] for name in names})
    return parts


def _first(name: str, splits: Sequence[Split], count: int | None) -> list[Split]:
    """Return splits with the first `count` images together, without empty ones."""
    total = sum(split.num_examples for split in splits)
    if count is not None and validate.integer(name, count, minimum=1) > total:
        raise ValueError(
            f'`{name}` must be at most {total:,}, the number of images; got {count:,}.'
        )
    chosen, left = [], total if count is None else count
    for split in splits:
        if min(left, split.num_examples):
            chosen.append(split.take(min(left, split.num_examples)))
        left -= min(left, split.num_examples)
    return chosen
