"""How a command runs: flags are parsed, and what a user can correct ends in one paragraph on stderr
and exit code 2.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import NoReturn

from absl import flags as absl_flags
from absl import logging

from tfwolf.commands.flags import Flags

# Passes of TensorFlow's graph optimiser that cost the start of a full-size model 6 s on a CPU and
# do not make its steps faster.
IDLE_PASSES = (
    'layout_optimizer',
    'shape_optimization',
    'loop_optimization',
    'constant_folding',
    'dependency_optimization',
    'remapping',
)

USAGE_ERROR = 2
INTERRUPTED = 130


def run(
    main: Callable[[Flags], None],
    *definitions: Callable[[Flags], None],
    uses_tensorflow: bool = True,
) -> None:
    """Defines and parses the flags of a command and runs it; never returns before the command has
    ended.

    Args:
        main: the command, called with the parsed `Flags`. Its module's docstring is what --help
            shows.
        *definitions: functions that define flags.
        uses_tensorflow: whether TensorFlow is set up first.
    """
    options = Flags()
    for define in definitions:
        define(options)
    try:
        rest = options.parse(sys.argv)
    except absl_flags.Error as error:
        fail(error)
    if options.help:
        print(f'{sys.modules[main.__module__].__doc__}\nFlags:\n{options.help_text()}')
        sys.exit(0)
    logging.set_verbosity(logging.WARNING)
    if len(rest) > 1:
        fail(
            f'Unknown argument {rest[1]!r}: all arguments are flags, such as --gin_file=FILE. See '
            '--help.'
        )
    try:
        if uses_tensorflow:
            _set_up_tensorflow()
        main(options)
    except KeyboardInterrupt as interrupt:
        interrupted(interrupt, 'What is complete has been written.')
    except Exception as error:
        message = _for_people(error)
        if options.debug or message is None:
            raise
        fail(message, getattr(error, 'exit_code', None))


def interrupted(interrupt: KeyboardInterrupt, message: str) -> NoReturn:
    """Ends the command after Ctrl-C (exit code 130) or SIGTERM (143) with a line on stderr.

    Args:
        interrupt: the `KeyboardInterrupt`, or `training.interrupts.Terminated`.
        message: what is kept, and how to continue.
    """
    print(f'\nInterrupted. {message}', file=sys.stderr)
    sys.exit(getattr(interrupt, 'exit_code', INTERRUPTED))


def fail(error: object, at_once: int | None = None) -> NoReturn:
    """Ends the command with an error on stderr.

    Args:
        error: what is wrong.
        at_once: exit code, where TensorFlow's own shutdown would wait for a worker that is gone;
            None ends as usual with code 2.
    """
    print(f'\nerror: {error}', file=sys.stderr)
    if at_once is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(at_once)
    sys.exit(USAGE_ERROR)


def _for_people(error: Exception) -> str | None:
    """Returns the message of an error that a user can correct, or None for one that is a defect of
    the program.
    """
    if isinstance(error, (ValueError, RuntimeError, OSError)):
        return str(error)
    # What our own code raises while tf.data reads images arrives inside the text of another error,
    # TensorFlow's `OpError`.
    raised = re.search(r'^ValueError: (.*)$', getattr(error, 'message', ''), re.MULTILINE)
    return raised[1] if raised else None


def _set_up_tensorflow() -> None:
    import tensorflow as tf

    if not tf.config.list_physical_devices('GPU'):
        tf.config.optimizer.set_experimental_options(dict.fromkeys(IDLE_PASSES, False))
