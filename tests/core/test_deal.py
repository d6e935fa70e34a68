"""Batches are dealt to the replicas in order, on their devices, one batch ahead."""

import threading

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.core.replicas import deal
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.augment import horizontal_flip
from tfwolf.data.pipeline import training_batches
from tfwolf.training.strategy import make_strategy

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 3), dtype=np.uint8)
SPLIT = ArraySplit(lambda: (IMAGES, np.arange(20)), 20, IMAGES.shape[1:])


def strategies():
    """Returns `(strategy, devices)` with the devices of the replicas in order."""
    return [
        (tf.distribute.OneDeviceStrategy('CPU:1'), ['CPU:1']),
        (make_strategy('mirrored'), ['CPU:0', 'CPU:1']),
    ]


@pytest.mark.parametrize('number', [0, 1], ids=['one_device', 'mirrored'])
def test_each_replica_has_its_rows_on_its_device(number):
    strategy, devices = strategies()[number]
    batches = training_batches(SPLIT, 8, seed=1, augmentations=[horizontal_flip])
    dealt = deal(strategy, batches)
    for expected in batches.take(5):
        batch = next(dealt)
        for key, values in expected.items():
            shares = strategy.experimental_local_results(batch[key])
            assert [share.device.rpartition('device:')[2] for share in shares] == devices
            assert {share.shape[0] for share in shares} == {8 // len(devices)}
            np.testing.assert_array_equal(np.concatenate(shares), values)


@pytest.mark.parametrize('number', [0, 1], ids=['one_device', 'mirrored'])
def test_the_next_batch_is_fetched_before_it_is_asked_for(number):
    """On the device: without a prefetch there, one batch less would be read."""
    strategy, devices = strategies()[number]
    # The one that was asked for, the next one, and those that wait for it in host memory: one, and
    # one more where batches are split.
    expected = 2 + len(devices)
    read, fetched = [], threading.Event()

    def note(batch):
        read.append(int(batch))
        if len(read) == expected:
            fetched.set()
        return batch

    def numbered(batch):
        number = tf.numpy_function(note, [batch], tf.int64)
        return tf.fill([len(devices)], tf.ensure_shape(number, []))

    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = False
    batches = deal(strategy, tf.data.Dataset.range(100).map(numbered).with_options(options))
    first = strategy.experimental_local_results(next(batches))
    assert {int(share[0]) for share in first} == {0}
    assert fetched.wait(timeout=60), f'read only {read}'
