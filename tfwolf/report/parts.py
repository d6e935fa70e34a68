"""The parts of the report: the tool that makes each of them, and how its results are read."""

from __future__ import annotations

import itertools
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from tfwolf.core import files
from tfwolf.core.module_search import module_command
from tfwolf.report import findings
from tfwolf.report.page import Part
from tfwolf.report.plot_sections import OF_PARTS, chart_of_part, plot_parts
from tfwolf.report.sections import SECTIONS

# File in the folder of a complete part, with the command that made it and the seconds it took.
FINISHED = 'finished.json'
# How this program is called in a process of its own.
PROGRAM = module_command('tfwolf')


def make_part(name: str, folder: str, arguments: Sequence[str], again: bool) -> str | None:
    """Make a part by its tool, unless it exists; return None, or why the tool failed.

    Args:
        name: key in `SECTIONS`.
        folder: folder of the part.
        arguments: command line arguments of the tool.
        again: whether to make the part even if it exists.
    """
    command = [SECTIONS[name].tool, *arguments, f'--output_dir={folder}']
    finished = os.path.join(folder, FINISHED)
    if (
        not again
        and os.path.exists(finished)
        and findings.read_result(folder, 'finished')['command'] == command
    ):
        print(f'{name}: already made', flush=True)
        return None
    print(f'{name}: tfwolf {shlex.join(command)}', flush=True)
    if os.path.exists(finished):
        os.remove(finished)
    started = time.perf_counter()
    child = subprocess.Popen([*PROGRAM, *command, '--overwrite'], stderr=subprocess.PIPE)
    errors = _show(child.stderr)
    if child.wait():
        return (
            errors.rpartition('error: ')[2].strip()
            or f'The tool ended with exit code {child.returncode}.'
        )
    files.write_json(finished, {'command': command, 'seconds': time.perf_counter() - started})
    return None


def outdated(name: str, folder: str) -> bool:
    """Return whether a part that shows results of others was made before them.

    Args:
        name: key in `SECTIONS`.
        folder: of the report.
    """

    def made_at(part: str) -> float:
        path = os.path.join(folder, part, FINISHED)
        return os.path.getmtime(path) if os.path.exists(path) else 0.0

    return name == 'plots' and made_at(name) < max(made_at(part) for part in OF_PARTS)


def parts_of(name: str, folder: str, problem: str | None) -> list[Part]:
    """Return the `Part`s of a folder: one, or one for each plot; none if it was never made.

    Args:
        name: key in `SECTIONS`.
        folder: folder of the part.
        problem: why the part could not be made, or None.
    """
    section = SECTIONS[name]
    if problem:
        command = f'tfwolf {section.tool}'
        return [Part(section.title, section.explanation, command, problem=problem)]
    if not os.path.exists(os.path.join(folder, FINISHED)):
        return []
    finished = findings.read_result(folder, 'finished')
    if name == 'plots':
        return plot_parts(folder, finished['command'])
    found = section.read(folder)
    chart = chart_of_part(name, os.path.join(os.path.dirname(folder), 'plots'))
    return [
        Part(
            section.title,
            section.explanation,
            f'tfwolf {shlex.join(finished["command"])}',
            found.rows,
            [*found.pictures, *chart],
            found.notes,
            finished['seconds'],
        )
    ]


def make_parts(
    names: Sequence[str],
    folder: str,
    arguments: Callable[[str], Sequence[str]],
    again: bool,
    after_each: Callable[[dict[str, str]], None],
) -> dict[str, str]:
    """Make parts one after the other, and return `{name: problem}` of those that failed.

    A failed part does not stop the others.

    Args:
        names: keys in `SECTIONS`.
        folder: folder of the report; a part is made in `FOLDER/NAME`.
        arguments: function from a name to the command line arguments of its tool.
        again: whether to make parts even if they exist.
        after_each: called with the problems so far after each part, for example to write the page.
    """
    problems = {}
    for name in names:
        anew = again or outdated(name, folder)
        problem = make_part(name, os.path.join(folder, name), arguments(name), anew)
        if problem is not None:
            problems[name] = problem
        after_each(dict(problems))
    return problems


def section_parts(folder: str, problems: Mapping[str, str]) -> list[Part]:
    """Return the `Part`s of all sections that were made or failed so far.

    Args:
        folder: folder of the report.
        problems: `{name: problem}` of the parts that failed.
    """
    parts = [parts_of(name, os.path.join(folder, name), problems.get(name)) for name in SECTIONS]
    return list(itertools.chain(*parts))


def _show(stream) -> str:
    """Copy a child's stderr to this process's stderr as it arrives, and return it as text."""
    text = b''
    while piece := stream.read1():
        text += piece
        sys.stderr.write(piece.decode(errors='replace'))
        sys.stderr.flush()
    return text.decode(errors='replace')
