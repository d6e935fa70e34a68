"""Two settings timed in turn, each in a process of its own, so that what disturbs the machine
disturbs both.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np


class Child:
    """A process that waits for requests, a line each, and answers each with a line of JSON.

    Args:
        arguments: of a Python program that calls `serve`.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, name: str, *arguments: Any) -> Any:
        """Returns what the function `name` of `serve` returns for these arguments.

        Raises:
            RuntimeError: if the process has ended; what it said is on stderr.
        """
        try:
            self._process.stdin.write(json.dumps([name, *arguments]) + '\n')
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            raise RuntimeError(
                'A measured process ended before it answered; what it said stands above.'
            ) from error

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()


def serve(functions: Mapping[str, Callable[..., Any]]) -> None:
    """Answers requests from stdin on stdout until stdin ends; `functions` is a dict of functions
    that return what JSON can hold.
    """
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(functions[name](*arguments)), flush=True)


def run_alone(command: str) -> float:
    """Runs a shell command that prints a line of JSON with `step_s`, and returns that number of
    seconds.

    Raises:
        ValueError: if it fails or prints none.
    """
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    for line in reversed(done.stdout.splitlines()):
        try:
            return float(json.loads(line)['step_s'])
        except (ValueError, KeyError, TypeError):
            continue
    raise ValueError(
        f'`{command}` must print a line of JSON with step_s; it ended with exit code '
        f'{done.returncode}: '
        f'{(done.stderr or done.stdout).strip()[-500:]}'
    )


def compare(
    arguments: Sequence[str], bindings: Sequence[str], command: str | None, turns: int, steps: int
) -> dict:
    """Returns the quartiles of both sides and the ratio of their medians; the sides take turns.

    Args:
        arguments: of the Python program of the first side, which calls `serve`.
        bindings: gin bindings that the second side has in addition; empty for `command`.
        command: of a foreign program as the second side, see `run_alone`.
        turns: how often each side is timed.
        steps: training steps of a turn.
    """
    first = Child(arguments)
    second = (
        Child([*arguments, *(f'--gin_param={binding}' for binding in bindings)])
        if bindings
        else None
    )
    seconds, others = [], []
    for _ in range(turns):
        seconds += first.ask('steps', steps)
        others += second.ask('steps', steps) if second else [run_alone(command)]
    result = {'first_over_second': statistics.median(seconds) / statistics.median(others)}
    for name, child, values in (('first', first, seconds), ('second', second, others)):
        result[name] = {
            'step_seconds_quartiles': [
                float(value) for value in np.quantile(values, [0.25, 0.5, 0.75])
            ]
        }
        if child:
            result[name].update(memory_bytes=child.ask('memory'), start_seconds=child.ask('start'))
            child.close()
    return {**result, 'second_is': list(bindings) or command}
