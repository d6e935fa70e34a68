"""Whether the state of a run is worth keeping: its gradients and its validation are finite."""

from __future__ import annotations

import math
from collections.abc import Callable

from tfwolf.training.checkpoints import Checkpoints
from tfwolf.training.step import TrainStep

ADVICE = (
    'Reduce the learning rate (WarmupDecay.peak), increase the warmup '
    '(WarmupDecay.warmup_updates), clip gradients (train.clip_norm) or bound the scale '
    '(BoundedAffine.alpha = 0.5).'
)


class Health:
    """Says when a state must not be saved, and ends a run that diverges.

    Args:
        train_step: the `TrainStep` of the run.
        checkpoints: its `Checkpoints`.
        max_skipped_in_a_row: the run ends after this many consecutive skipped steps.
    """

    def __init__(
        self, train_step: TrainStep, checkpoints: Checkpoints, max_skipped_in_a_row: int
    ) -> None:
        self._step, self._checkpoints = train_step, checkpoints
        self._most = max_skipped_in_a_row
        self._validated_step: int | None = None
        self._validation_is_finite = True

    def validated(self, *bits_per_dim: float) -> None:
        """Record the results of a validation at the current step."""
        self._validated_step = int(self._step.step.numpy())
        self._validation_is_finite = all(map(math.isfinite, bits_per_dim))

    def problem(self, at_end: bool = False) -> str | None:
        """Return why the current state must not be saved, or None. It waits for the latest step.

        Args:
            at_end: whether this is the last step. A step that was skipped by chance is no problem
                there if the validation after it is finite.
        """
        if not self._validation_is_finite:
            return f'the validation at step {self._validated_step} was not finite'
        skipped = int(self._step.skipped_in_a_row.numpy())
        if not skipped or (at_end and self._validated_step == int(self._step.step.numpy())):
            return None
        if skipped == 1:
            return 'the gradient of this step was not finite'
        return f'the gradients of the last {skipped} steps were not finite'

    def check_steps(self, find_cause: Callable[[], str]) -> None:
        """End the run if too many consecutive steps were skipped, now or since the last check.

        Args:
            find_cause: returns a sentence about the cause.

        Raises:
            RuntimeError: if the run ends.
        """
        if self._step.longest_skip < self._most:
            return
        step, skipped = (
            int(counter.numpy()) for counter in (self._step.step, self._step.skipped_in_a_row)
        )
        # The state before the first skipped step led to it: its weights have diverged, too.
        keep = self._keep_good(step - skipped - 1 if skipped else step)
        raise RuntimeError(
            f'Training stopped at step {step}: {max(skipped, self._most)} consecutive steps were '
            f'skipped because their gradients were not finite; {find_cause()}. {keep} {ADVICE}'
        )

    def check_end(self) -> None:
        """End the run with an error if its last state was not saved.

        Raises:
            RuntimeError: if the state must not be saved.
        """
        if problem := self.problem(at_end=True):
            raise RuntimeError(
                f'Training ended at step {int(self._step.step.numpy())}, and this state was not '
                f'saved: {problem}. {self._keep_good(int(self._step.step.numpy()))} {ADVICE}'
            )

    def _keep_good(self, last: int) -> str:
        """Set checkpoints after step `last` aside; return a text about the ones that are left."""
        good = self._checkpoints.newest_step(last)
        if good is None:
            return 'There is no checkpoint from before.'
        path, aside = self._checkpoints.path(good), self._checkpoints.set_aside(good)
        return (
            f'The last good checkpoint is that of step {good} ({path}).{aside} Continue from it '
            f'with a changed configuration: --checkpoint={good} --override_config.'
        )
