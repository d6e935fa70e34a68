"""How this program was started, so that it can print commands that work when they are pasted."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time

# As near to the start of the process as our code comes.
PROCESS_STARTED = time.perf_counter()
SCRIPT = 'tfwolf'


def program() -> str:
    """Return how the user calls the program: 'tfwolf', or '.venv/bin/python -m tfwolf'."""
    started_as = sys.argv[0]
    if os.path.basename(started_as) == SCRIPT:
        found = shutil.which(SCRIPT)
        on_path = found and os.path.exists(started_as) and os.path.samefile(found, started_as)
        return SCRIPT if on_path else shlex.quote(started_as)
    return f'{shlex.quote(interpreter())} -m tfwolf'


def interpreter() -> str:
    """Return the Python interpreter as the user typed it."""
    typed = sys.orig_argv[0]
    return typed if shutil.which(typed) else sys.executable


def command_line(*arguments: str) -> str:
    """Return a command of this program as a line for a shell.

    Args:
        arguments: name of the command and its flags.
    """
    return f'{program()} {shell_line(*arguments)}'


def shell_line(*words: str) -> str:
    """Return words as a line for a shell.

    Args:
        words: name of a program or command, and its arguments, as the program receives them.
    """
    return ' '.join(map(_quoted, words))


def _quoted(argument: str) -> str:
    name, equals, value = argument.partition('=')
    if shlex.quote(argument) == argument:
        return argument
    # Double quotes, since gin writes texts in single ones.
    if equals and not set(value) & set('"$`\\!'):
        return f'{name}="{value}"'
    return shlex.quote(argument)


def tool(name: str) -> str:
    """Return how to call a program that was installed next to the interpreter, such as tensorboard.

    Args:
        name: of the program.
    """
    if shutil.which(name):
        return name
    beside = os.path.join(os.path.dirname(interpreter()), name)
    return shlex.quote(beside) if os.path.exists(beside) else name
