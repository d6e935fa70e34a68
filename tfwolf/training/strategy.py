"""From a flag to a `tf.distribute` strategy."""
import tensorflow as tf

NAMES = ('auto', 'one_device', 'mirrored')


def make_strategy(name):
    """Returns the strategy `name`: 'one_device' (GPU 0 if there is one, else the CPU), 'mirrored' (all GPUs, or all logical CPUs),
    'auto' (mirrored with two GPUs or more, else one_device).

    Raises:
        ValueError: if the name is unknown.
    """
    if name not in NAMES:
        raise ValueError(f'`strategy` must be one of {", ".join(NAMES)}; got strategy={name!r}.')
    gpus = tf.config.list_logical_devices('GPU')
    if name == 'mirrored' or (name == 'auto' and len(gpus) > 1):
        devices = gpus or tf.config.list_logical_devices('CPU')
        # Collectives between logical CPUs break when one process makes a second strategy: they remember the first one's shapes.
        cross_device_ops = None if gpus else tf.distribute.ReductionToOneDevice()
        return tf.distribute.MirroredStrategy([device.name for device in devices], cross_device_ops)
    return tf.distribute.OneDeviceStrategy('GPU:0' if gpus else 'CPU:0')


def check_batch_size(strategy, batch_size):
    """Returns the number of images per replica.

    Raises:
        ValueError: if the global batch cannot be dealt out evenly.
    """
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise ValueError(f'`batch_size` must be a multiple of the {replicas} replicas, so at least {replicas}; got '
                         f'batch_size={batch_size}. Change it, or use --strategy=one_device.')
    return batch_size // replicas

