"""What the processes of one run say to each other: numbers, signals, weights, and that one of them
is gone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tfwolf.core.messages import first_line
from tfwolf.core.variables import as_tensorflow, named_variables
from tfwolf.training.cluster import WorkerLost, read_cluster

# What TensorFlow raises in a worker when another one is gone.
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)


class Workers:
    """The processes that work together under a strategy; one, except under `multi_worker`.

    All run the same program; what talks to the others must be called by all, in the same order.

    Args:
        strategy: a `tf.distribute` strategy.

    Attributes:
        count: how many processes there are.
        index: which of them this is.
        is_chief: whether this is the one that writes and prints.
    """

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        cluster = (
            read_cluster()
            if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
            else None
        )
        self.count, self.index = (len(cluster.addresses), cluster.index) if cluster else (1, 0)
        self.is_chief = self.index == 0
        self._strategy = strategy
        self._sum = tf.function(self._sum_of_replicas, autograph=False)

    def gather(self, *numbers: int) -> np.ndarray:
        """Returns the integers of every worker, int64 `[count, len(numbers)]`."""
        if self.count == 1:
            return np.array([numbers], np.int64)
        return self._sum(tf.constant(numbers, tf.int64)).numpy()

    def from_chief(self, number: int) -> int:
        """Returns the chief's integer."""
        return int(self.gather(int(number))[0, 0])

    def agree_on_signal(self, number: int) -> int:
        """Returns the greatest of all workers' signal numbers (0 for none), so that all stop after
        the same step.
        """
        return int(self.gather(number).max())

    def differing(self, text: str) -> list[int]:
        """Returns which workers gave another text than the chief."""
        digest = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], 'little') >> 1
        digests = self.gather(digest)[:, 0]
        return np.flatnonzero(digests != digests[0]).tolist()

    def check_alike(self, text: str) -> None:
        """Checks that all workers were started for the same.

        Raises:
            ValueError: in all of them, if `text` is not the same everywhere.
        """
        if differing := self.differing(text):
            raise ValueError(
                'All workers must be started with the same flags and gin files, and see the same '
                'data; '
                f'worker {", ".join(map(str, differing))} was started otherwise than the chief, '
                'worker 0.'
            )

    def copy_from_chief(self, *roots: tf.Module) -> None:
        """Gives every worker the chief's values of all variables below some objects, bit for bit."""
        if self.count == 1:
            return
        variables = [
            as_tensorflow(variable) for root in roots for _, variable in named_variables(root)
        ]
        for dtype in sorted({variable.dtype for variable in variables}, key=str):
            alike = [variable for variable in variables if variable.dtype == dtype]
            for variable, value in zip(alike, self._chiefs_values(alike)):
                variable.assign(tf.cast(value, dtype))

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Within it only the chief prints to stdout, a lost worker is explained, and nobody leaves
        before all are done.

        Raises:
            WorkerLost: if another worker is gone.
        """
        if self.count == 1:
            yield
            return
        with contextlib.ExitStack() as stack:
            if not self.is_chief:
                stack.enter_context(
                    contextlib.redirect_stdout(
                        stack.enter_context(open(os.devnull, 'w', encoding='utf-8'))
                    )
                )
            try:
                yield
                self._part()
            except KeyboardInterrupt:
                self._part()
                raise
            except LOST as error:
                raise WorkerLost(self._explanation(error)) from error

    def _part(self):
        """Waits for the others; if they are gone already, all the same."""
        with contextlib.suppress(*LOST):
            self.gather(0)

    def _explanation(self, error):
        lost = sorted(
            {int(number) for number in re.findall(r'/task:(\d+)', str(error))} - {self.index}
        )
        names = f' ({", ".join(map(str, lost))}, as far as can be told)' if lost else ''
        return (
            f'Another worker{names} of the {self.count} is gone or no longer answers; this is '
            f'worker {self.index}. What the others '
            'compute needs it, so this one ends too. Look into the output of that worker for the '
            'reason, then start all workers again '
            'with the same command: they continue from the last checkpoint. (TensorFlow: '
            f'{first_line(error)[:200]})'
        )

    def _sum_of_replicas(self, numbers):
        replicas = self._strategy.num_replicas_in_sync

        def placed():
            context = tf.distribute.get_replica_context()
            row = tf.one_hot(context.replica_id_in_sync_group, replicas, dtype=tf.int64)
            return context.all_reduce('SUM', row[:, None] * numbers)

        of_replicas = self._strategy.experimental_local_results(self._strategy.run(placed))[0]
        return of_replicas[:: replicas // self.count]

    def _chiefs_values(self, variables):
        @tf.function(autograph=False)
        def values():
            def of_replica():
                context = tf.distribute.get_replica_context()
                is_first = tf.equal(context.replica_id_in_sync_group, 0)
                own = [tf.convert_to_tensor(variable) for variable in variables]
                own = [
                    tf.cast(value, tf.int32) if value.dtype == tf.bool else value for value in own
                ]
                return context.all_reduce(
                    'SUM', [tf.where(is_first, value, tf.zeros_like(value)) for value in own]
                )

            return [
                self._strategy.experimental_local_results(value)[0]
                for value in self._strategy.run(of_replica)
            ]

        return values()
