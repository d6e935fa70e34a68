"""Learning rates as functions of the number of the update."""

from __future__ import annotations

import math
from typing import Any, Protocol

import tensorflow as tf

from tfwolf.core import validate
from tfwolf.core.parts import register

# The warm-up and the highest learning rate of the paper's CIFAR-10 model (Wolf, appendix C.2).
WARMUP_UPDATES, PEAK, INITIAL = 50, 1e-3, 1e-7


class Schedule(Protocol):
    """A learning rate for each update; a schedule of your own needs only these two."""

    @property
    def highest(self) -> float:
        """The highest learning rate of the schedule, or an upper bound of it."""
        ...

    def __call__(self, update: int | tf.Tensor) -> tf.Tensor:
        """Return the learning rate, a float64 scalar, of update number `update` (0 is the first).

        Args:
            update: integer, or a scalar tensor of any number type. Skipped steps are no updates.
        """
        ...


def check_schedule(schedule: Any) -> None:
    """Check that an argument is a schedule.

    Raises:
        ValueError: if it is not, for example a class, of which no object was made.
    """
    if not callable(schedule) or not hasattr(schedule, 'highest') or isinstance(schedule, type):
        raise ValueError(
            '`schedule` must be a schedule, such as `WarmupDecay()` (in gin files '
            f'`@WarmupDecay()`, with parentheses); got schedule={schedule!r}.'
        )


class _Warmup:
    """A learning rate on the line from (0, initial) to (warmup_updates, peak), then another.

    Args:
        warmup_updates: number of warmup updates; the first update uses `initial`.
        peak: highest learning rate.
        initial: learning rate of the first update.
    """

    def __init__(self, warmup_updates: int, peak: float, initial: float) -> None:
        self.warmup_updates = validate.integer('warmup_updates', warmup_updates, minimum=0)
        self.peak = validate.real('peak', peak, above=0)
        self.initial = validate.real('initial', initial, minimum=0)

    @property
    def highest(self) -> float:
        """The highest learning rate of the schedule."""
        return max(self.peak, self.initial)

    def __call__(self, update: int | tf.Tensor) -> tf.Tensor:
        """Return the learning rate, float64, of update number `update` (0 is the first)."""
        update = tf.cast(update, tf.float64)
        rise = (self.peak - self.initial) * update / max(self.warmup_updates, 1)
        return tf.where(
            update < self.warmup_updates, self.initial + rise, self._after_warmup(update)
        )

    def _after_warmup(self, update: tf.Tensor) -> tf.Tensor:
        """Return the learning rate, float64, of an update after the warmup, float64."""
        raise NotImplementedError


@register
class WarmupDecay(_Warmup):
    """Learning rate schedule: linear from `initial` to `peak`, then multiplied by `decay`.

    Args:
        warmup_updates: number of warmup updates; the first update uses `initial`.
        peak: highest learning rate.
        initial: learning rate of the first update.
        decay: factor per update after warmup.
    """

    def __init__(
        self,
        warmup_updates: int = WARMUP_UPDATES,
        peak: float = PEAK,
        initial: float = INITIAL,
        decay: float = 0.999997,
    ) -> None:
        super().__init__(warmup_updates, peak, initial)
        self.decay = validate.real('decay', decay, above=0, maximum=1)

    def _after_warmup(self, update: tf.Tensor) -> tf.Tensor:
        decay = tf.constant(self.decay, tf.float64)
        return self.peak * tf.pow(decay, update - self.warmup_updates)


@register
class WarmupCosine(_Warmup):
    """Learning rate schedule: linear from `initial` to `peak`, then half a cosine to `final`.

    With progress p from 0 at the end of the warmup to 1 at `total_updates`, the rate is
    `final + (peak - final) (1 + cos(pi p)) / 2`; it stays at `final` afterwards.

    Args:
        total_updates: number of updates, usually `train.max_steps`; more than `warmup_updates`. The
            last of so many updates is the last one above `final`.
        warmup_updates: number of warmup updates; the first update uses `initial`.
        peak: highest learning rate.
        initial: learning rate of the first update.
        final: learning rate from update number `total_updates` on, at most `peak`.

    Reference: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017,
        arXiv:1608.03983, equation 5, without restarts.

    >>> schedule = tfwolf.WarmupCosine(total_updates=100, warmup_updates=20, peak=0.5, initial=0.0)
    >>> [round(float(schedule(update)), 3) for update in (0, 10, 20, 60, 100, 200)]
    [0.0, 0.25, 0.5, 0.25, 0.0, 0.0]
    """

    def __init__(
        self,
        total_updates: int,
        warmup_updates: int = WARMUP_UPDATES,
        peak: float = PEAK,
        initial: float = INITIAL,
        final: float = 0.0,
    ) -> None:
        super().__init__(warmup_updates, peak, initial)
        self.total_updates = validate.integer('total_updates', total_updates, minimum=1)
        if self.warmup_updates >= self.total_updates:
            raise ValueError(
                '`warmup_updates` must be less than `total_updates`; got '
                f'warmup_updates={warmup_updates} and total_updates={total_updates}.'
            )
        self.final = validate.real('final', final, minimum=0, maximum=self.peak)

    def _after_warmup(self, update: tf.Tensor) -> tf.Tensor:
        progress = _progress(update, self.warmup_updates, self.total_updates)
        return self.final + (self.peak - self.final) * 0.5 * (1 + tf.cos(math.pi * progress))


@register
class Cooldown:
    """A schedule that another one follows until the last updates, in which it falls.

    In the last `cooldown_updates` of `total_updates`, the rate falls from that of the other
    schedule at their beginning, r, to `final_factor` r: it is
    `r (final_factor + (1 - final_factor) (1 - p^power))` for progress p from 0 to 1. It stays there
    afterwards.

    The part before does not depend on `total_updates`. So one long training with a constant rate
    can be continued to several cooldowns, each from one of its checkpoints.

    Args:
        schedule: the schedule before, such as `WarmupDecay(decay=1.0)`, which is constant after its
            warmup.
        total_updates: number of updates, usually `train.max_steps`. The last of so many updates is
            the last one above the final rate.
        cooldown_updates: number of updates in which the rate falls, at most `total_updates`; for
            example a fifth of them.
        final_factor: share of r at the end, 0 to 1.
        power: shape of the fall: 0.5 is the authors' 1 - sqrt(p), 1 is linear.

    Reference: Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training
        Durations", 2024, arXiv:2405.18392, section 3.

    >>> constant = tfwolf.WarmupDecay(warmup_updates=0, peak=1.0, decay=1.0)
    >>> schedule = tfwolf.Cooldown(constant, total_updates=100, cooldown_updates=16)
    >>> [float(schedule(update)) for update in (84, 85, 88, 93, 100, 101)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """

    def __init__(
        self,
        schedule: Schedule,
        total_updates: int,
        cooldown_updates: int,
        final_factor: float = 0.0,
        power: float = 0.5,
    ) -> None:
        check_schedule(schedule)
        self.schedule: Schedule = schedule
        self.total_updates = validate.integer('total_updates', total_updates, minimum=1)
        self.cooldown_updates = validate.integer('cooldown_updates', cooldown_updates, minimum=1)
        if self.cooldown_updates > self.total_updates:
            raise ValueError(
                '`cooldown_updates` must be at most `total_updates`; got '
                f'cooldown_updates={cooldown_updates} and total_updates={total_updates}.'
            )
        self.final_factor = validate.real('final_factor', final_factor, minimum=0, maximum=1)
        self.power = validate.real('power', power, above=0)

    @property
    def highest(self) -> float:
        """The highest learning rate of the schedule before, which bounds this one."""
        return self.schedule.highest

    def __call__(self, update: int | tf.Tensor) -> tf.Tensor:
        """Return the learning rate, float64, of update number `update` (0 is the first)."""
        update = tf.cast(update, tf.float64)
        begin = self.total_updates - self.cooldown_updates
        fallen = tf.pow(
            _progress(update, begin, self.total_updates), tf.constant(self.power, tf.float64)
        )
        factor = self.final_factor + (1 - self.final_factor) * (1 - fallen)
        return factor * self.schedule(tf.minimum(update, tf.cast(begin, tf.float64)))


def _progress(update: tf.Tensor, begin: int, end: int) -> tf.Tensor:
    """Return 0 up to update `begin`, 1 from update `end` > `begin` on, linear between, float64."""
    return tf.clip_by_value((update - begin) / (end - begin), 0.0, 1.0)
