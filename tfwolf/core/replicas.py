"""Splitting the global batch among replicas, and sums over them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import tensorflow as tf

T = TypeVar('T')


def local_rows(values: T, batch_size: int) -> T:
    """Return this replica's rows of a nest of tensors that cover the global batch.

    Noise is drawn for the global batch and then sliced, so the noise of an example does not depend
    on the number of replicas.

    Args:
        values: nest of tensors `[global_batch, ...]`.
        batch_size: number of rows per replica, the same for all replicas.
    """
    start = tf.distribute.get_replica_context().replica_id_in_sync_group * batch_size
    return tf.nest.map_structure(lambda value: value[start : start + batch_size], values)


def sum_over_replicas(values: Any) -> Any:
    """Return a nest of tensors, each of them summed over all replicas.

    Args:
        values: nest of tensors of this replica.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        # TensorFlow's sum would keep the graph in memory for the rest of the process.
        return values
    return context.all_reduce('SUM', tf.nest.map_structure(tf.identity, values))


def deal(strategy: tf.distribute.Strategy, dataset: tf.data.Dataset) -> Iterator[Any]:
    """Return an iterator over global batches that are distributed to the replicas in order.

    Replica r receives the r-th share of the rows. With several workers the iterator is endless, and
    every worker builds the whole batch and keeps its own rows. Batches, including augmentation, are
    therefore the same for any number of workers.

    Batches are copied to the devices ahead: while a step runs, the next batch is already there.

    Args:
        strategy: `tf.distribute` strategy.
        dataset: `tf.data.Dataset` of nests of tensors `[global_batch, ...]` of static shape.
    """
    # Every strategy reads through one more iterator on each device, which holds the next batch and
    # is filled by a thread of its own. On a GPU it copies to the GPU's memory on the stream for
    # copies, beside the kernels of the step, so `next` returns what is there. Another prefetch to
    # the device would hold a second batch and make nothing faster.
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return iter(strategy.experimental_distribute_dataset(dataset))
    replicas = strategy.num_replicas_in_sync

    def share(context: tf.distribute.InputContext) -> tf.data.Dataset:
        local = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * local

        @tf.autograph.experimental.do_not_convert
        def rows(batch: Any) -> Any:
            return tf.nest.map_structure(
                lambda value: tf.reshape(value, (replicas, -1, *value.shape[1:]))[
                    first : first + local
                ],
                batch,
            )

        # For a dataset that may end, all workers would have to communicate before each batch.
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return dataset.repeat().map(rows).unbatch().apply(endless).prefetch(tf.data.AUTOTUNE)

    return iter(strategy.distribute_datasets_from_function(share))
