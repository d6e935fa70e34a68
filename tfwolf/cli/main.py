"""How a command runs: usage errors end in one paragraph on stderr and exit code 2."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from tfwolf.cli.catalog import COMMANDS, load_command
from tfwolf.cli.flags import Flags
from tfwolf.cli.help import command_help, overview
from tfwolf.cli.program import command_line, program
from tfwolf.cli.run_choice import chosen_run
from tfwolf.core.compilation_cache import keep_compiled_functions
from tfwolf.core.messages import did_you_mean

# Passes of TensorFlow's graph optimizer that cost the start of a full-size model 6 s on a CPU and
# do not make its steps faster.
IDLE_PASSES = (
    'layout_optimizer',
    'shape_optimization',
    'loop_optimization',
    'constant_folding',
    'dependency_optimization',
    'remapping',
)

FAILED = 1
USAGE_ERROR = 2
INTERRUPTED = 130
HELP = ('--help', '-h', '--helpfull', '--helpshort')


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program `tfwolf`: a command and its flags.

    Args:
        arguments: without the name of the program; None for those of the process.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in (*HELP, 'help'):
        _show(overview(program()))
        return
    name, *rest = arguments
    if name == '--version':
        import tfwolf

        print(f'tfwolf {tfwolf.__version__}')
        return
    if name not in COMMANDS:
        fail(
            f'There is no command {name!r}.{did_you_mean(name, COMMANDS)} '
            f'`{program()} --help` lists them.'
        )
    run(name, rest)


def run(name: str, arguments: Sequence[str] | None = None) -> None:
    """Run one command.

    Args:
        name: of the command.
        arguments: its flags; None for those of the process.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    module = load_command(name)
    options = define(module)
    if any(argument in HELP for argument in arguments):
        _show(command_help(name, module, options, program()))
        return
    try:
        options.parse(arguments)
        # Before anything asks TensorFlow for devices.
        keep_compiled_functions(getattr(options, 'deterministic', False))
        chosen_run(options)
        _check_gin_names(options)
    except ValueError as error:
        fail(f'{error} See {command_line(name, "--help")}.')
    execute(module, options)


def _show(text: str) -> None:
    """Print a text; a reader such as `head` may stop reading early."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, 'w')


def define(module: ModuleType) -> Flags:
    """Return the flags of a command, those for all commands included."""
    options = Flags()
    module.define_flags(options)
    options.group('Other')
    options.boolean('debug', False, 'Show the stack trace of an error.')
    return options


def execute(module: ModuleType, options: Flags) -> None:
    """Run a command with parsed flags; errors and interrupts end the process."""
    try:
        if getattr(module, 'USES_TENSORFLOW', True):
            _set_up_tensorflow()
        module.main(options)
    except KeyboardInterrupt as interrupt:
        interrupted(interrupt, 'Complete results were written.')
    except BrokenPipeError:
        # A reader such as `head` has stopped reading; nothing can be printed any more.
        sys.stdout = open(os.devnull, 'w')
        sys.exit(FAILED)
    except Exception as error:
        message = _for_people(error)
        if options.debug or message is None:
            raise
        fail(message, getattr(error, 'exit_code', None))


def interrupted(interrupt: KeyboardInterrupt, message: str) -> NoReturn:
    """End the command after Ctrl-C (exit code 130) or SIGTERM (143) with a line on stderr.

    Args:
        interrupt: the `KeyboardInterrupt`, or `training.interrupts.Terminated`.
        message: what was saved, and how to continue.
    """
    print(f'\nInterrupted. {message}', file=sys.stderr)
    sys.exit(getattr(interrupt, 'exit_code', INTERRUPTED))


def fail(error: object, at_once: int | None = None) -> NoReturn:
    """End the command with an error on stderr.

    Args:
        error: the message.
        at_once: exit code for leaving without TensorFlow's shutdown, which would wait for a lost
            worker; None for the usual exit with code 2.
    """
    print(f'\nerror: {error}', file=sys.stderr)
    if at_once is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(at_once)
    sys.exit(USAGE_ERROR)


def _for_people(error: Exception) -> str | None:
    """Return the message of a usage error, or None for a defect of the program."""
    if isinstance(error, (ValueError, RuntimeError, OSError)):
        return str(error)
    # Errors that our own code raises while tf.data reads images arrive inside the text of
    # TensorFlow's `OpError`.
    raised = re.search(r'^ValueError: (.*)$', getattr(error, 'message', ''), re.MULTILINE)
    return raised[1] if raised else None


def _check_gin_names(options: Flags) -> None:
    """Check names in gin bindings before TensorFlow is imported."""
    if 'Experiment' in options.groups and not options.plugin:
        from tfwolf.cli.gin_check import check_names

        check_names(options.gin_file, options.gin_param)


def _set_up_tensorflow() -> None:
    from tfwolf.core.quiet_tensorflow import import_tensorflow

    tf = import_tensorflow(errors_only=True)
    if not tf.config.list_physical_devices('GPU'):
        tf.config.optimizer.set_experimental_options(dict.fromkeys(IDLE_PASSES, False))
