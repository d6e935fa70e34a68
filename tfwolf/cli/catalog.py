"""All commands: which module defines each, and under which heading it is listed."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import NamedTuple

GROUPS = ('Train', 'Evaluate', 'Look', 'Serve', 'Reference')


class Command(NamedTuple):
    """A command: the heading it is listed under, and its module in `tfwolf.commands`."""

    group: str
    module: str


COMMANDS = {
    'list': Command('Train', 'list_experiments'),
    'summary': Command('Train', 'summary'),
    'data': Command('Train', 'data'),
    'train': Command('Train', 'train'),
    'benchmark': Command('Train', 'benchmark'),
    'evaluate': Command('Evaluate', 'evaluate'),
    'density': Command('Evaluate', 'density'),
    'probe': Command('Evaluate', 'probe'),
    'fid': Command('Evaluate', 'fid'),
    'anomaly': Command('Evaluate', 'anomaly'),
    'distance': Command('Evaluate', 'distance'),
    'compare': Command('Evaluate', 'compare'),
    'plots': Command('Evaluate', 'plots'),
    'report': Command('Evaluate', 'report'),
    'sample': Command('Look', 'sample'),
    'reconstruct': Command('Look', 'reconstruct'),
    'switch': Command('Look', 'switch'),
    'interpolate': Command('Look', 'interpolate'),
    'latents': Command('Look', 'latents'),
    'inpaint': Command('Look', 'inpaint'),
    'explore': Command('Look', 'explore'),
    'export': Command('Serve', 'export'),
    'pack': Command('Serve', 'pack'),
    'compress': Command('Serve', 'compress'),
    'decompress': Command('Serve', 'decompress'),
    'import': Command('Reference', 'import_wolf'),
    'parity': Command('Reference', 'parity'),
    'completion': Command('Reference', 'completion'),
}


def load_command(name: str) -> ModuleType:
    """Return the module of a command: `EXAMPLES`, `define_flags(options)` and `main(options)`."""
    return importlib.import_module(f'tfwolf.commands.{COMMANDS[name].module}')


def summary(name: str) -> str:
    """Return the first line of a command's documentation, without the full stop."""
    return (load_command(name).__doc__ or '').strip().splitlines()[0].rstrip('.')
