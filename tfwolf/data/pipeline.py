"""Batches of images: resumable training batches, and evaluation batches with each image once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfwolf.core import seeds, validate
from tfwolf.data.dataset import Batch, Split

# Function of images, uint8 [batch, height, width, channels], and a seed, int32 [2], that returns
# images of the same shape and type.
Augmentation = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def training_batches(
    split: Split,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    augmentations: Sequence[Augmentation] = (),
) -> tf.data.Dataset:
    """Return an infinite `tf.data.Dataset` of training batches.

    Its elements are `{'image': uint8 [batch, height, width, channels], 'label': int64 [batch]}` of
    static shape. Every epoch is shuffled separately and drops the last incomplete batch. Batch t
    depends only on `seed` and t, so `first_step=t` continues an earlier run exactly, without
    reading the images before.

    Args:
        split: `Split`.
        batch_size: number of images per batch over all replicas.
        seed: integer.
        first_step: index of the first batch.
        augmentations: functions of images and a seed, see `Augmentation`, which are applied in
            this order.

    Raises:
        ValueError: if an argument is out of range, or the batch is larger than the split.
    """
    batch_size = validate.integer('batch_size', batch_size, 1)
    first_step = validate.integer('first_step', first_step, 0)
    if batch_size > split.num_examples:
        raise ValueError(
            f'`batch_size` must be at most {split.num_examples}, the size of the split; '
            f'got batch_size={batch_size}. Lower it, or use more images.'
        )
    for augmentation in augmentations:
        if not callable(augmentation):
            raise ValueError(
                f'`augmentations` must be functions of images and a seed; got {augmentation!r}.'
            )
    batches_per_epoch = split.num_examples // batch_size
    order_seed = seeds.tensor_seed(seed, 'epoch order')
    window_seed = seeds.tensor_seed(seed, 'windows')
    augmentation_seeds = [
        seeds.tensor_seed(seed, 'augmentation', i) for i in range(len(augmentations))
    ]

    @tf.autograph.experimental.do_not_convert
    def epoch_batches(epoch: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(  # pyright: ignore[reportAttributeAccessIssue]
            tf.range(split.num_examples, dtype=tf.int64),
            seeds.fold_in(order_seed, epoch),
            alg=seeds.ALGORITHM,
        )
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size, drop_remainder=True)

    # Without AutoGraph, which takes seconds to analyse the sources.
    @tf.autograph.experimental.do_not_convert
    def load(step: tf.Tensor, indices: tf.Tensor) -> Batch:
        batch = _images_and_labels(split.load(indices, seeds.fold_in(window_seed, step)))
        for augmentation, augmentation_seed in zip(augmentations, augmentation_seeds):
            batch['image'] = tf.ensure_shape(
                augmentation(batch['image'], seeds.fold_in(augmentation_seed, step)),
                batch['image'].shape,
            )
        return batch

    first_epoch, first_batch = divmod(first_step, batches_per_epoch)
    epochs = tf.data.Dataset.range(first_epoch, np.iinfo(np.int32).max)
    # Skipping is fast, because these are only indices.
    indices = epochs.flat_map(epoch_batches).skip(first_batch).enumerate(first_step)
    return indices.map(load, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def evaluation_batches(split: Split, batch_size: int, first_batch: int = 0) -> tf.data.Dataset:
    """Return a finite `tf.data.Dataset` of batches that contain every image once, in order.

    Its elements are like those of `training_batches`, with the additional entry 'mask', bool
    `[batch]`. The last batch is filled with copies of the last image, for which the mask is False.

    Args:
        split: `Split` of at least one example.
        batch_size: number of images per batch over all replicas.
        first_batch: number of batches to skip at the start.

    Raises:
        ValueError: if an argument is out of range, or the split is empty.
    """
    batch_size = validate.integer('batch_size', batch_size, 1)
    if split.num_examples < 1:
        raise ValueError(
            '`split` must contain at least one example; got an empty split. '
            'With validation_size=0 the validation split is empty.'
        )

    @tf.autograph.experimental.do_not_convert
    def load(start: tf.Tensor) -> Batch:
        positions = start + tf.range(batch_size, dtype=tf.int64)
        batch = _images_and_labels(split.load(tf.minimum(positions, split.num_examples - 1)))
        return {**batch, 'mask': positions < split.num_examples}

    first = validate.integer('first_batch', first_batch, 0) * batch_size
    starts = tf.data.Dataset.range(first, split.num_examples, batch_size)
    return starts.map(load, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _images_and_labels(batch: Batch) -> Batch:
    return {name: batch[name] for name in ('image', 'label')}
