"""Two settings timed in turns, each in a separate process, so that disturbances affect both."""

from __future__ import annotations

import json
import pathlib
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

# A program that runs a command by the package in a folder.
RUN_FROM = (
    'import sys; sys.path.insert(0, sys.argv.pop(1)); from tfwolf.cli.main import main; main()'
)


def command_line(*arguments: str) -> list[str]:
    """Return the arguments of Python that run a command of this package, also if not installed."""
    return ['-c', RUN_FROM, str(pathlib.Path(__file__).resolve().parents[2]), *arguments]


class Child:
    """A process that answers requests: a line of JSON each, from stdin to stdout.

    Args:
        arguments: command line of a Python program that calls `serve`.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError('The pipes to the measured process could not be opened.')
        self._requests, self._answers = self._process.stdin, self._process.stdout

    def ask(self, name: str, *arguments: Any) -> Any:
        """Return the result of the function `name` of `serve` for these arguments.

        Raises:
            RuntimeError: if the process has ended; its messages are on stderr.
        """
        try:
            self._requests.write(json.dumps([name, *arguments]) + '\n')
            self._requests.flush()
            return json.loads(self._answers.readline())
        except (OSError, ValueError) as error:
            raise RuntimeError(
                'A measured process ended before it answered; its messages are above.'
            ) from error

    def close(self) -> None:
        """End the process."""
        self._requests.close()
        self._process.wait()


def serve(functions: Mapping[str, Callable[..., Any]]) -> None:
    """Answer requests of a `Child` until stdin ends.

    Args:
        functions: `{name: function}`; their results must be values for JSON.
    """
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(functions[name](*arguments)), flush=True)


def run_alone(command: str) -> float:
    """Run a shell command that prints a line of JSON with `step_s`; return that number.

    Raises:
        ValueError: if no such line is printed.
    """
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    for line in reversed(done.stdout.splitlines()):
        try:
            return float(json.loads(line)['step_s'])
        except (ValueError, KeyError, TypeError):
            continue
    raise ValueError(
        f'`{command}` must print a line of JSON with step_s; it ended with exit code '
        f'{done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}'
    )


def compare(
    arguments: Sequence[str], bindings: Sequence[str], command: str | None, turns: int, steps: int
) -> dict[str, Any]:
    """Return the quartiles of two settings timed in turns, and the ratio of their medians.

    Args:
        arguments: command line of the Python program of the first setting, which calls `serve`.
        bindings: additional gin bindings of the second setting; empty for `command`.
        command: external command as the second setting, see `run_alone`.
        turns: number of turns of each setting.
        steps: training steps in a turn.

    Raises:
        ValueError: if there is no second setting.
    """
    if not bindings and command is None:
        raise ValueError('`bindings` or `command` is required; got neither.')
    first = Child(arguments)
    second = (
        Child([*arguments, *(f'--gin_param={binding}' for binding in bindings)])
        if bindings
        else None
    )
    seconds, others = [], []
    for _ in range(turns):
        seconds += first.ask('steps', steps)
        if second is not None:
            others += second.ask('steps', steps)
        elif command is not None:
            others.append(run_alone(command))
    result: dict[str, Any] = {
        'first_over_second': statistics.median(seconds) / statistics.median(others)
    }
    for name, child, values in (('first', first, seconds), ('second', second, others)):
        result[name] = {
            'step_seconds_quartiles': [
                float(value) for value in np.quantile(values, [0.25, 0.5, 0.75])
            ]
        }
        if child is not None:
            result[name].update(memory_bytes=child.ask('memory'), start_seconds=child.ask('start'))
            child.close()
    return {**result, 'second_is': list(bindings) or command}
