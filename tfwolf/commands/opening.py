"""From flags to what a command works on: the environment, the configuration, a run, a folder of
results.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from tfwolf.analysis.coder import Coder
from tfwolf.commands.flags import Flags
from tfwolf.runs.config_text import read_config
from tfwolf.runs.configuration import Configuration, read_configuration
from tfwolf.runs.environment import Environment
from tfwolf.runs.results import ResultFolder
from tfwolf.runs.run import FULL_PRECISION, Run, load_configured

# As in `flags.data` and `flags.devices`; a command that defines only some of them takes the others'
# defaults.
_MACHINE = (
    'data_dir',
    'download',
    'strategy',
    'tpu',
    'startup_timeout',
    'xla',
    'resume',
    'override_config',
)


def environment(options: Flags, **changes: Any) -> Environment:
    """Returns the `Environment` that the flags describe, with some attributes of another value."""
    return Environment(
        **{
            **{name: getattr(options, name) for name in _MACHINE if hasattr(options, name)},
            **changes,
        }
    )


def configuration(
    options: Flags,
    train_dir: str | None = None,
    below: Sequence[str] = (),
    above: Sequence[str] = (),
) -> Configuration:
    """Returns the `Configuration` of --gin_file, --gin_param and the flags that stand for bindings.

    Args:
        options: the flags.
        train_dir: folder of a run, whose configuration is read first; None for none.
        below: further bindings, over which --gin_param wins.
        above: further bindings, which win over --gin_param.
    """
    for plugin in options.plugin:
        _import(plugin)
    precision = [f'experiment.precision = {options.precision!r}'] if options.precision else []
    return read_configuration(
        options.gin_file,
        [*below, *options.gin_param, *precision, *above],
        read_config(train_dir) if train_dir else '',
    )


def train_dir(options: Flags) -> str:
    """Returns the flag --train_dir.

    Raises:
        ValueError: if it was not given.
    """
    if not options.train_dir:
        raise ValueError('--train_dir must be given: the folder of the run.')
    return options.train_dir


def open_run(options: Flags) -> Run:
    """Returns the `Run` that the flags name, and prints which of its checkpoints it is; its
    networks compute in the type of the weights.
    """
    folder = train_dir(options)
    found = load_configured(
        folder,
        configuration(options, folder, below=FULL_PRECISION),
        options.checkpoint,
        options.weights,
        environment(options, strategy='one_device'),
    )
    print(f'{found.checkpoint}, {found.weights} weights', flush=True)
    return found


def coder(options: Flags, run: Run) -> Coder:
    """Returns a `Coder` of the run's model with the batch size of the flags."""
    return Coder(run.model, options.batch_size, show_progress=True)


def results_path(options: Flags, train_dir: str, checkpoint: str, tool: str) -> str:
    """Returns the path of the results of a tool on a checkpoint: --output_dir, or a folder within
    that of the run.
    """
    return options.output_dir or os.path.join(
        train_dir, 'results', os.path.basename(checkpoint), tool
    )


def result_folder(
    options: Flags, tool: str, run: Run, settings: dict, path: str | None = None
) -> ResultFolder:
    """Returns the `ResultFolder` of a tool.

    Args:
        options: the flags.
        tool: its name.
        run: the `Run`.
        settings: `{name: JSON value}` of whatever else the results depend on.
        path: of the folder; None for what --output_dir says.
    """
    folder = path or results_path(options, run.train_dir, run.checkpoint, tool)
    return ResultFolder(
        folder,
        {'tool': tool, **run.identity, 'seed': options.seed, **settings},
        run.step,
        options.overwrite,
    )


def _import(module: str) -> None:
    """Imports a module of the user's, from the working directory, too."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise ValueError(
            f'--plugin={module} cannot be imported: {error} (working directory: {os.getcwd()}).'
        ) from error
