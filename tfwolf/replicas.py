"""What a replica has of the global batch."""
import tensorflow as tf


def local_rows(values, batch_size):
    """Returns this replica's rows of tensors that cover the global batch (any nest of them).

    Noise is drawn for the global batch and cut, so that it belongs to the example whatever the number of replicas.

    Args:
        values: nest of tensors `[global_batch, ...]`.
        batch_size: number of rows of this replica; all replicas have as many.
    """
    start = tf.distribute.get_replica_context().replica_id_in_sync_group * batch_size
    return tf.nest.map_structure(lambda value: value[start:start + batch_size], values)
