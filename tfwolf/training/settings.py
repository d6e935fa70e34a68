"""The settings of a training run."""

import dataclasses
from collections.abc import Callable, Sequence

from tfwolf.core import validate
from tfwolf.core.choices import GRADIENT_MEMORIES
from tfwolf.core.parts import register
from tfwolf.training.flow_gradients import STORE
from tfwolf.training.objective import Objective
from tfwolf.training.optimizer import AdamW


@register(name='train')
@dataclasses.dataclass(frozen=True)
class Settings:
    """How a model is trained; in gin files `train`, as in `train.batch_size = 64`.

    >>> tfwolf.Settings(batch_size=64, max_steps=1000, ema_decay=0.999).optimizer.__name__
    'AdamW'

    Args:
        batch_size: images per step over all replicas.
        max_steps: number of steps.
        optimizer: makes the optimizer, called with (variables), a sequence that is the
            `tfwolf.training.kernels.Weights` of the model.
        objective: an `Objective`.
        augmentations: functions of images and a seed, see `tfwolf.data.augment`.
        accumulation_steps: number of parts into which each replica's images are split for the flow;
            the parts are processed one after the other, which saves memory.
        gradient_memory: what is kept in memory for the gradient of the flow: 'store' keeps all
            activations, 'recompute' the input of each step, 'reversible' only v, from which the
            inverse recomputes the rest. The last two run each network once more.
        clip_norm: largest norm of the gradient, or None.
        ema_decay: decay of the average of the weights that is used for evaluation and pictures; 0
            uses the weights themselves.
        init_batch_size: number of training images for the data-dependent initialization.
        log_every: steps between log entries.
        checkpoint_every, evaluate_every, picture_every: steps between checkpoints, evaluations on
            the validation images, and pictures; 0 for never.
        keep_checkpoints: number of latest checkpoints to keep.
        evaluation_batch_size: images per batch in evaluation.
        test_samples: number of samples K per image in the evaluation on the test images after the
            last step; 0 skips this evaluation.
        test_images: largest number of test images in that evaluation, which takes the first ones;
            0 or None for all.
        num_pictures: number of samples, and of images with switched z, in a picture.
        max_skipped_in_a_row: training stops after this many consecutive steps with non-finite
            gradients.
    """

    batch_size: int
    max_steps: int
    optimizer: Callable = AdamW
    objective: Objective = Objective()
    augmentations: Sequence[Callable] = ()
    accumulation_steps: int = 1
    gradient_memory: str = STORE
    clip_norm: float | None = None
    ema_decay: float = 0.0
    init_batch_size: int = 2048
    log_every: int = 50
    checkpoint_every: int = 1000
    evaluate_every: int = 1000
    picture_every: int = 1000
    keep_checkpoints: int = 3
    evaluation_batch_size: int = 256
    test_samples: int = 1
    test_images: int | None = None
    num_pictures: int = 64
    max_skipped_in_a_row: int = 20

    def __post_init__(self):
        for name in (
            'batch_size',
            'max_steps',
            'accumulation_steps',
            'init_batch_size',
            'log_every',
            'keep_checkpoints',
            'evaluation_batch_size',
            'max_skipped_in_a_row',
        ):
            validate.integer(f'train.{name}', getattr(self, name), minimum=1)
        for name in ('checkpoint_every', 'evaluate_every', 'picture_every', 'test_samples'):
            validate.integer(f'train.{name}', getattr(self, name), minimum=0)
        if self.test_images is not None:
            validate.integer('train.test_images', self.test_images, minimum=0)
        if self.clip_norm is not None:
            validate.real('train.clip_norm', self.clip_norm, above=0)
        if self.gradient_memory not in GRADIENT_MEMORIES:
            raise ValueError(
                f'`gradient_memory` must be one of {", ".join(GRADIENT_MEMORIES)}; got '
                f'gradient_memory={self.gradient_memory!r}.'
            )
        validate.real('train.ema_decay', self.ema_decay, minimum=0, below=1)
        validate.integer('train.num_pictures', self.num_pictures, minimum=2)
