"""The objects that belong to one training run."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable

import tensorflow as tf

from tfwolf.core.progress import Progress
from tfwolf.core.tensor_float_32 import tensor_float_32
from tfwolf.data.dataset import ImageDataset
from tfwolf.models.arithmetic import arithmetic
from tfwolf.models.wolf import Wolf
from tfwolf.training.averages import WeightAverages
from tfwolf.training.flow_gradients import REVERSIBLE
from tfwolf.training.interrupts import Interrupts
from tfwolf.training.kernels import Weights
from tfwolf.training.settings import Settings
from tfwolf.training.step import TrainStep
from tfwolf.training.workers import Workers


@dataclasses.dataclass(frozen=True)
class TrainingRun:
    """A model, its images, its settings, and the devices and the folder of its training.

    Attributes:
        model: the `Wolf`, made within the scope of the strategy.
        dataset: the `ImageDataset`.
        settings: a `Settings`.
        strategy: a `tf.distribute` strategy.
        train_dir: folder of the run; None for timing single steps, which writes no files.
        seed: integer from which the order of images and all noise are derived.
        xla: as in `TrainStep`.
        texts: `{name: text}` of configurations, for TensorBoard.
        shared_workers: the `Workers` of the strategy; None creates them.
        interrupts: `Interrupts`, checked between steps.
        process_started: `time.perf_counter()` at the start of the process.
        verbose: whether progress bars and messages are shown.
        resume_from: the checkpoint to continue from, as in `Checkpoints.restore`.
        tf32: whether GPUs may use TF32 in training steps.
        starts_from: what the weights of the model are, for people, if they are not to be
            initialized; used only if the run has no checkpoint.

    Raises:
        ValueError: if the gradient of the flow needs exact inverses, and `tf32` is set.
    """

    model: Wolf
    dataset: ImageDataset
    settings: Settings
    strategy: tf.distribute.Strategy
    train_dir: str | None = None
    seed: int = 0
    xla: bool | None = None
    texts: dict[str, str] = dataclasses.field(default_factory=dict)
    shared_workers: Workers | None = None
    interrupts: Interrupts = dataclasses.field(default_factory=Interrupts)
    process_started: float = dataclasses.field(default_factory=time.perf_counter)
    verbose: bool = True
    resume_from: str | None = None
    tf32: bool = False
    starts_from: str | None = None

    def __post_init__(self) -> None:
        if self.tf32 and self.settings.gradient_memory == REVERSIBLE:
            raise ValueError(
                f"`train.gradient_memory` must be 'store' or 'recompute' with precision 'tf32', in "
                f'which inverses are not exact; got gradient_memory={REVERSIBLE!r}.'
            )

    @functools.cached_property
    def workers(self) -> Workers:
        """The `Workers` of the strategy."""
        return self.shared_workers or Workers(self.strategy)

    @property
    def folder(self) -> str:
        """The folder of the run.

        Raises:
            ValueError: if the run has none.
        """
        if self.train_dir is None:
            raise ValueError('`train_dir` must be the folder of the run; got None.')
        return self.train_dir

    @property
    def shows_progress(self) -> bool:
        """Whether this process shows progress bars."""
        return self.verbose and self.workers.is_chief

    @property
    def arithmetic(self) -> str:
        """The arithmetic of the networks in training steps, see `models.arithmetic`."""
        return arithmetic(self.model, self.tf32)

    def arithmetic_of_steps(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which training steps have to be compiled and run."""
        return tensor_float_32(self.tf32)

    def make_step(self) -> TrainStep:
        """Return a new `TrainStep`, with an optimizer and weight averages as in the settings."""
        with self.strategy.scope():
            variables = Weights(self.model)
            optimizer = self.settings.optimizer(variables=variables)
            averages = (
                WeightAverages(variables, self.settings.ema_decay)
                if self.settings.ema_decay
                else None
            )
            return TrainStep(
                self.strategy, self.model, optimizer, self.settings, self.seed, averages, self.xla
            )

    def say(self, text: str) -> None:
        """Print a line if the run is verbose."""
        if self.verbose:
            print(text, flush=True)

    def checking(self, bar: Progress) -> Callable[[int], None]:
        """Return a function that advances a progress bar by a number of images.

        It also checks for interrupts, so that Ctrl-C takes effect.
        """

        def progress(count):
            self.interrupts.check()
            bar.update(count)

        return progress
