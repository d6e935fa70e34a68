"""The environment of a run: settings that may differ between machines and do not change results."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from tfwolf.core.paths import expanded
from tfwolf.training.strategy import make_strategy


@dataclasses.dataclass(frozen=True)
class Environment:
    """Devices, data folder and other settings that are not part of a run's configuration.

    Attributes:
        data_dir: folder of TensorFlow Datasets, for a source that reads it; None for their default.
        download: whether missing data may be downloaded.
        strategy: devices to compute on: one of `tfwolf.core.choices.STRATEGIES`, or a
            `tf.distribute` strategy.
        tpu: name or address of the TPU, or 'local', for strategy='tpu'.
        startup_timeout: seconds to wait for all workers of a cluster.
        xla: whether XLA compiles the layers of flow and prior in training; None for only if there
            is a GPU.
        deterministic: whether operations give the same bits each time on the same GPU. This switch
            of TensorFlow stays on in the process. An operation that has no such implementation
            raises an error.
        resume: whether `fit` may continue an existing run.
        checkpoint: where `fit` continues an existing run: 'latest', 'best' (on validation images)
            or the number of a step. Later checkpoints are moved to folders `set_aside`.
        override_config: whether it may do so with another configuration; the difference is printed.
        accept_changed_data: whether a run whose images have changed may be continued and evaluated;
            results name the changes.
        verbose: whether `fit` shows its progress.
    """

    data_dir: str | None = None
    download: bool = True
    strategy: str | tf.distribute.Strategy = 'auto'
    tpu: str | None = None
    startup_timeout: float = 600.0
    xla: bool | None = None
    deterministic: bool = False
    resume: bool = True
    checkpoint: str | int = 'latest'
    override_config: bool = False
    accept_changed_data: bool = False
    verbose: bool = True

    def __post_init__(self) -> None:
        if self.data_dir is not None:
            object.__setattr__(self, 'data_dir', expanded(self.data_dir))

    def make_strategy(self) -> tf.distribute.Strategy:
        """Return the `tf.distribute` strategy; make operations deterministic first, if chosen.

        Raises:
            ValueError: if the strategy is unknown, or its cluster or TPU is not available.
            WorkerLost: if another worker does not start in time.
        """
        if self.deterministic:
            tf.config.experimental.enable_op_determinism()
        if isinstance(self.strategy, tf.distribute.Strategy):
            return self.strategy
        return make_strategy(self.strategy, self.tpu, self.startup_timeout)
