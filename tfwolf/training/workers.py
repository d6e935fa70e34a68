"""Communication between the processes of a run: numbers, signals, weights and lost workers."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tfwolf.core.messages import first_line
from tfwolf.core.replicas import sum_over_replicas
from tfwolf.core.variables import as_tensorflow, named_variables
from tfwolf.training.cluster import WorkerLost, read_cluster

# Errors that TensorFlow raises in a worker when another one is lost.
WORKER_ERRORS = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)


class Workers:
    """The processes of a strategy: several with `multi_worker`, else one.

    All processes run the same program. A method that communicates must be called by all of them, in
    the same order.

    Args:
        strategy: a `tf.distribute` strategy.

    Attributes:
        count: number of processes.
        index: index of this process.
        is_chief: whether this is the process that writes files and prints.
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
        """Return the integers of every worker, int64 `[count, len(numbers)]`."""
        if self.count == 1:
            return np.array([numbers], np.int64)
        return self._sum(tf.constant(numbers, tf.int64)).numpy()

    def from_chief(self, number: int) -> int:
        """Return the integer of the chief."""
        return int(self.gather(int(number))[0, 0])

    def agree_on_signal(self, number: int) -> int:
        """Return the largest signal number of all workers (0 for none).

        With it all workers stop after the same step.
        """
        return int(self.gather(number).max())

    def differing(self, text: str) -> list[int]:
        """Return the indices of the workers whose text differs from the chief's."""
        digest = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], 'little') >> 1
        digests = self.gather(digest)[:, 0]
        return np.flatnonzero(digests != digests[0]).tolist()

    def check_alike(self, text: str) -> None:
        """Check that all workers were started with the same arguments.

        Args:
            text: description of the arguments.

        Raises:
            ValueError: in all workers, if `text` is not the same in all of them.
        """
        if differing := self.differing(text):
            raise ValueError(
                'All workers must be started with the same flags and gin files, and read the same '
                f'data; worker {", ".join(map(str, differing))} differs from the chief, worker 0.'
            )

    def copy_from_chief(self, *roots: tf.Module) -> None:
        """Set all variables of some objects to the chief's values, bit for bit."""
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
        """Context for the work that all workers share.

        Only the chief prints to stdout, the loss of a worker raises an error that explains it, and
        no worker leaves the context before all are done.

        Raises:
            WorkerLost: if another worker is lost.
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
                self._wait_for_others()
            except KeyboardInterrupt:
                self._wait_for_others()
                raise
            except WORKER_ERRORS as error:
                raise WorkerLost(self._explanation(error)) from error

    def _wait_for_others(self):
        """Wait for the other workers, unless they are lost."""
        with contextlib.suppress(*WORKER_ERRORS):
            self.gather(0)

    def _explanation(self, error):
        lost = sorted(
            {int(number) for number in re.findall(r'/task:(\d+)', str(error))} - {self.index}
        )
        names = f' (probably {", ".join(map(str, lost))})' if lost else ''
        return (
            f'Another worker{names} of the {self.count} has ended or does not respond; this is '
            f'worker {self.index}. It cannot continue without the others, so it ends too. See the '
            'output of the lost worker for the reason, then start all workers again with the '
            'same command: they continue from the last checkpoint. (TensorFlow: '
            f'{first_line(error)[:200]})'
        )

    def _sum_of_replicas(self, numbers):
        replicas = self._strategy.num_replicas_in_sync

        def placed():
            context = tf.distribute.get_replica_context()
            row = tf.one_hot(context.replica_id_in_sync_group, replicas, dtype=tf.int64)
            return sum_over_replicas(row[:, None] * numbers)

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
                return sum_over_replicas(
                    [tf.where(is_first, value, tf.zeros_like(value)) for value in own]
                )

            return [
                self._strategy.experimental_local_results(value)[0]
                for value in self._strategy.run(of_replica)
            ]

        return values()
