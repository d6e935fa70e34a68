"""Where Python looks for modules: not in the working directory, where a stranger's may lie."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
from collections.abc import Iterator

ROOT = str(pathlib.Path(__file__).resolve().parents[2])
_START = (
    'import runpy, sys; root, module = sys.argv[1:3]; del sys.argv[1:3]; '
    'root in sys.path or sys.path.insert(0, root); '
    'runpy.run_module(module, run_name="__main__", alter_sys=True)'
)


def module_command(module: str) -> list[str]:
    """Return the command that runs a module of this package, without its arguments.

    Unlike `python -m MODULE` it does not look for modules in the working directory, where files of
    a stranger may lie.

    Args:
        module: such as 'tfwolf.export'.
    """
    return [sys.executable, '-P', '-c', _START, ROOT, module]


def forget_working_directory() -> None:
    """Remove the working directory from `sys.path` if `python -m tfwolf...` has put it there.

    A clone that lies there stays importable.
    """
    started = getattr(sys.modules.get('__main__'), '__spec__', None)
    is_ours = started is not None and started.name.partition('.')[0] == 'tfwolf'
    if is_ours and not sys.flags.safe_path and sys.path and sys.path[0] != ROOT:
        del sys.path[0]


@contextlib.contextmanager
def importing_from_working_directory() -> Iterator[None]:
    """Let modules be imported from the working directory, after all others, in a `with` block."""
    folder = os.getcwd()
    sys.path.append(folder)
    try:
        yield
    finally:
        # What was imported may have changed the list; an earlier entry of the user stays.
        if folder in sys.path:
            del sys.path[len(sys.path) - 1 - sys.path[::-1].index(folder)]
