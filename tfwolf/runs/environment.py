"""Where a run computes and finds its data: what may differ from machine to machine and does not
change results.
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from tfwolf.training.strategy import make_strategy


@dataclasses.dataclass(frozen=True)
class Environment:
    """The machine's side of a run. Nothing here is part of the run's configuration.

    Attributes:
        data_dir: folder of TensorFlow Datasets, for a source that reads it; None for their default.
        download: whether data that are missing may be downloaded.
        strategy: devices to compute on, one of `tfwolf.training.strategy.NAMES`, or a
            `tf.distribute` strategy.
        tpu: with strategy='tpu': name or address of the TPU, or 'local'.
        startup_timeout: seconds to wait for all workers of a cluster.
        xla: whether loss and gradients of the flow are compiled by XLA; None for where there is a
            GPU.
        resume: whether `fit` may continue a run that is in its folder.
        override_config: whether it may do so with another configuration; what differs is printed.
        verbose: whether `fit` shows its progress.
    """

    data_dir: str | None = None
    download: bool = True
    strategy: str | tf.distribute.Strategy = 'auto'
    tpu: str | None = None
    startup_timeout: float = 600.0
    xla: bool | None = None
    resume: bool = True
    override_config: bool = False
    verbose: bool = True

    def make_strategy(self) -> tf.distribute.Strategy:
        """Returns the `tf.distribute` strategy.

        Raises:
            ValueError: if there is no such strategy, or its cluster or TPU is not available.
            WorkerLost: if another worker does not come.
        """
        if isinstance(self.strategy, tf.distribute.Strategy):
            return self.strategy
        return make_strategy(self.strategy, self.tpu, self.startup_timeout)
