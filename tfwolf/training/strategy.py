"""The `tf.distribute` strategy of a run."""

from __future__ import annotations

import signal

import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.choices import STRATEGIES
from tfwolf.core.messages import first_line
from tfwolf.training.cluster import EXAMPLE, VARIABLE, read_cluster, wait_for_all


def make_strategy(
    name: str, tpu: str | None = None, startup_timeout: float = 600.0
) -> tf.distribute.Strategy:
    """Return a strategy; call it before TensorFlow computes anything.

    'one_device' uses GPU 0 if there is one, else the CPU; 'mirrored' all GPUs, or all logical CPUs;
    'multi_worker' all GPUs, or the CPU, of every process in the environment variable TF_CONFIG;
    'tpu' all cores of a TPU. 'auto' is multi_worker if TF_CONFIG names several processes, else
    mirrored if there are at least two GPUs, else one_device.

    Args:
        name: one of `core.choices.STRATEGIES`.
        tpu: name or address of the TPU, or 'local'; None reads it from the environment.
        startup_timeout: seconds to wait for all workers.

    Raises:
        ValueError: if the name is unknown, or TF_CONFIG or the TPU cannot be used.
        WorkerLost: if another worker does not start in time.
    """
    if name not in STRATEGIES:
        raise ValueError(
            f'`strategy` must be one of {", ".join(STRATEGIES)}; got strategy={name!r}.'
        )
    if name == 'tpu':
        return _tpu(tpu)
    cluster = read_cluster() if name in ('auto', 'multi_worker') else None
    if name == 'multi_worker' or (cluster is not None and len(cluster.addresses) > 1):
        return _multi_worker(cluster, validate.real('startup_timeout', startup_timeout, above=0))
    gpus = tf.config.list_logical_devices('GPU')
    if name == 'mirrored' or (name == 'auto' and len(gpus) > 1):
        devices = gpus or tf.config.list_logical_devices('CPU')
        # Collectives between logical CPUs fail when a process makes a second strategy: they keep
        # the shapes of the first one.
        cross_device_ops = None if gpus else tf.distribute.ReductionToOneDevice()
        return tf.distribute.MirroredStrategy([device.name for device in devices], cross_device_ops)
    return tf.distribute.OneDeviceStrategy('GPU:0' if gpus else 'CPU:0')


def check_batch_size(strategy: tf.distribute.Strategy, batch_size: int) -> int:
    """Return the number of images per replica.

    Raises:
        ValueError: if the global batch cannot be split evenly.
    """
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise ValueError(
            f'`batch_size` must be a multiple of the {replicas} replicas, so at least {replicas}; '
            f'got batch_size={batch_size}. Change it, or use --strategy=one_device.'
        )
    return batch_size // replicas


def _multi_worker(cluster, startup_timeout):
    if cluster is None:
        raise ValueError(
            f'--strategy=multi_worker needs the environment variable {VARIABLE} with the addresses '
            f'of all workers and the index of this one, such as {EXAMPLE}; it is not set, or '
            'defines no cluster.'
        )
    wait_for_all(cluster, startup_timeout)
    handler = signal.getsignal(signal.SIGTERM)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    # Restore the handler: TensorFlow replaces it with one that ignores the signal.
    signal.signal(signal.SIGTERM, handler)
    return strategy


def _tpu(name):
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, ImportError, tf.errors.OpError) as error:
        raise ValueError(
            f'No TPU is available with --tpu={name}: {first_line(error)} Set --tpu to its name, '
            'to grpc://HOST:PORT, or to "local" on the TPU machine itself, or use another '
            '--strategy.'
        ) from error
    return tf.distribute.TPUStrategy(resolver)
