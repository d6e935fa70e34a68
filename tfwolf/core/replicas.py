"""What a replica has of the global batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import tensorflow as tf

T = TypeVar('T')


def local_rows(values: T, batch_size: int) -> T:
    """Returns this replica's rows of tensors that cover the global batch (any nest of them).

    Noise is drawn for the global batch and cut, so that it belongs to the example whatever the
    number of replicas.

    Args:
        values: nest of tensors `[global_batch, ...]`.
        batch_size: number of rows of this replica; all replicas have as many.
    """
    start = tf.distribute.get_replica_context().replica_id_in_sync_group * batch_size
    return tf.nest.map_structure(lambda value: value[start : start + batch_size], values)


def deal(strategy: tf.distribute.Strategy, dataset: tf.data.Dataset) -> Iterator[Any]:
    """Returns an iterator over global batches, each dealt out to the replicas in order: replica r
    has the r-th share of its rows.

    With several workers it never ends, and each makes the whole batch and keeps its own rows:
        batches are then the same for any number of
    workers, augmentation included.

    Args:
        strategy: the `tf.distribute` strategy.
        dataset: `tf.data.Dataset` of nests of tensors `[global_batch, ...]` of static shape.
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return iter(strategy.experimental_distribute_dataset(dataset))
    replicas = strategy.num_replicas_in_sync

    def share(context):
        local = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * local

        @tf.autograph.experimental.do_not_convert
        def rows(batch):
            return tf.nest.map_structure(
                lambda value: tf.reshape(value, (replicas, -1, *value.shape[1:]))[
                    first : first + local
                ],
                batch,
            )

        # A dataset that may end would cost a talk between all workers before each batch.
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return dataset.repeat().map(rows).unbatch().apply(endless).prefetch(tf.data.AUTOTUNE)

    return iter(strategy.distribute_datasets_from_function(share))
