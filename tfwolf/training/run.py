"""What belongs to one run of training."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import tensorflow as tf
import tqdm

from tfwolf.core.variables import trainable_variables
from tfwolf.data.dataset import ImageDataset
from tfwolf.models.wolf import Wolf
from tfwolf.training.averages import WeightAverages
from tfwolf.training.interrupts import Interrupts
from tfwolf.training.settings import Settings
from tfwolf.training.step import TrainStep
from tfwolf.training.workers import Workers


@dataclasses.dataclass(frozen=True)
class TrainingRun:
    """A model, its images, how it is trained, on what, and where the results go.

    Attributes:
        model: the `Wolf`, made within the scope of the strategy.
        dataset: the `ImageDataset`.
        settings: a `Settings`.
        strategy: a `tf.distribute` strategy.
        train_dir: folder of the run; None writes nothing, which is for timing single steps.
        seed: integer, of the order of images and of all noise.
        xla: as in `TrainStep`.
        texts: `{name: text}` of configurations, for TensorBoard.
        workers: the `Workers` of the strategy.
        interrupts: `Interrupts`, checked between steps.
        process_started: `time.perf_counter()` of the start of the process.
        verbose: whether bars and lines are shown.
    """

    model: Wolf
    dataset: ImageDataset
    settings: Settings
    strategy: tf.distribute.Strategy
    train_dir: str | None = None
    seed: int = 0
    xla: bool | None = None
    texts: dict[str, str] = dataclasses.field(default_factory=dict)
    workers: Workers | None = None
    interrupts: Interrupts = dataclasses.field(default_factory=Interrupts)
    process_started: float = dataclasses.field(default_factory=time.perf_counter)
    verbose: bool = True

    def __post_init__(self):
        if self.workers is None:
            object.__setattr__(self, 'workers', Workers(self.strategy))

    @property
    def shows_progress(self) -> bool:
        """Whether this process draws progress bars."""
        return self.verbose and self.workers.is_chief

    def make_step(self) -> TrainStep:
        """Returns a new `TrainStep`, with its optimizer as `TrainStep.optimizer` and averages as
        the settings ask for.
        """
        with self.strategy.scope():
            variables = trainable_variables(self.model)
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
        """Prints a line, unless the run is not verbose."""
        if self.verbose:
            print(text, flush=True)

    def checking(self, bar: tqdm.tqdm) -> Callable[[int], None]:
        """Returns a function that moves a progress bar by a number of images, and lets Ctrl-C
        through.
        """

        def progress(count):
            self.interrupts.check()
            bar.update(count)

        return progress
