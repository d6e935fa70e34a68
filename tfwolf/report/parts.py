"""Every picture and table of a run on one page: which tool makes which part, and what its folder
has to say.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tfwolf.core import files
from tfwolf.report import findings
from tfwolf.report.page import Part
from tfwolf.training import run_directory

# What a part's folder holds when it is complete: the command that made it, and how long that took.
FINISHED = 'finished.json'


class Section(NamedTuple):
    """What a section of the page is made by, and how its folder is read."""

    title: str
    explanation: str
    tool: str
    flags: tuple
    read: Callable


SECTIONS = {
    'samples': Section(
        'Samples',
        'Images drawn from the model at temperature 1.',
        'sample',
        (),
        findings.of_samples,
    ),
    'temperatures': Section(
        'Temperatures',
        'Each row is the same noise at another temperature of v and z (Glow, figure 8).',
        'sample',
        ('--temperatures=0,0.25,0.6,0.7,0.8,0.9,1', '--num_samples=10'),
        findings.of_samples,
    ),
    'reconstructions': Section(
        'Reconstructions',
        'What comes back from z and v, and from v with other draws of z ~ q(z|x).',
        'reconstruct',
        (),
        findings.of_reconstructions,
    ),
    'switch': Section(
        'Switch',
        'Each image with the z of the other (Wolf, figure 1).',
        'switch',
        (),
        findings.of_switch,
    ),
    'switch_within_class': Section(
        'Switch within a class',
        'The same for two images of one class (Wolf, figure 8).',
        'switch',
        ('--within_class',),
        findings.of_switch,
    ),
    'interpolation': Section(
        'Interpolation',
        'h(z) by h(v) between two images (Wolf, equation 9, figure 5).',
        'interpolate',
        (),
        findings.of_interpolation,
    ),
    'latents': Section(
        'What z and v hold',
        'Attributes, manifold, compression and larger samples.',
        'latents',
        (),
        findings.of_latents,
    ),
    'probe': Section(
        'Probe',
        'How well a linear classifier tells classes by z, v and pixels (Wolf, table 4).',
        'probe',
        (),
        findings.of_probe,
    ),
    'fid': Section(
        'Frechet distance',
        'How far the features of samples are from those of images (Wolf, table 2).',
        'fid',
        (),
        findings.of_fid,
    ),
}


def make_part(name: str, folder: str, arguments: Sequence[str], again: bool) -> str | None:
    """Makes a part by its tool unless it is there; returns None, or why it could not be made.

    Args:
        name: of the section.
        folder: of the part.
        arguments: of the tool.
        again: whether it is made even if it is there.
    """
    command = [SECTIONS[name].tool, *arguments, f'--output_dir={folder}']
    finished = os.path.join(folder, FINISHED)
    if (
        not again
        and os.path.exists(finished)
        and findings.read_result(folder, 'finished')['command'] == command
    ):
        print(f'{name}: there already', flush=True)
        return None
    print(f'{name}: tfwolf {shlex.join(command)}', flush=True)
    if os.path.exists(finished):
        os.remove(finished)
    started = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, '-m', 'tfwolf', *command, '--overwrite'],
        stderr=subprocess.PIPE,
    )
    said = _show(child.stderr)
    if child.wait():
        return (
            said.rpartition('error: ')[2].strip()
            or f'The tool ended with exit code {child.returncode}.'
        )
    files.write_json(finished, {'command': command, 'seconds': time.perf_counter() - started})
    return None


def part_of(name: str, folder: str, problem: str | None) -> Part | None:
    """Returns the `Part` of a folder, or of the problem that kept it from being made; None if it
    was never asked for.
    """
    section = SECTIONS[name]
    if problem:
        return Part(section.title, section.explanation, f'tfwolf {section.tool}', problem=problem)
    if not os.path.exists(os.path.join(folder, FINISHED)):
        return None
    finished = findings.read_result(folder, 'finished')
    found = section.read(folder)
    return Part(
        section.title,
        section.explanation,
        f'tfwolf {shlex.join(finished["command"])}',
        found.rows,
        found.pictures,
        found.notes,
        finished['seconds'],
    )


def likelihood_part(train_dir: str, checkpoint_sha256: str) -> Part:
    """Returns the `Part` of the run's evaluation, if it is of this checkpoint."""
    title, explanation = (
        'Likelihood',
        'The negative evidence lower bound of held-out images, in bits per dimension.',
    )
    path = os.path.join(train_dir, run_directory.EVALUATION)
    again = f'tfwolf evaluate --train_dir={train_dir}'
    if not os.path.exists(path):
        return Part(title, explanation, again, problem='The run has not been evaluated.')
    with open(path, encoding='utf-8') as file:
        result = json.load(file)
    if result['checkpoint_sha256'] != checkpoint_sha256:
        return Part(
            title,
            explanation,
            again,
            problem="The evaluation in the run's folder is of another checkpoint, "
            f'{result["checkpoint"]}.',
        )
    return Part(title, explanation, again, *findings.of_evaluation(result))


def _show(stream) -> str:
    """Passes a child's stderr on as it comes and returns it as text."""
    said = b''
    while piece := stream.read1():
        said += piece
        sys.stderr.buffer.write(piece)
        sys.stderr.buffer.flush()
    return said.decode(errors='replace')
