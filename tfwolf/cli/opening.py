"""From flags to the objects of a command: environment, configuration, run, results."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from tfwolf.analysis.coder import Coder
from tfwolf.cli.flags import Flags
from tfwolf.cli.picture_files import appearance
from tfwolf.cli.run_choice import pretrained_name, run_folder
from tfwolf.evaluation.provenance import checkpoint_sha256, software_versions
from tfwolf.runs.config_text import read_config
from tfwolf.runs.configuration import Configuration, read_configuration
from tfwolf.runs.environment import Environment
from tfwolf.runs.results import ResultFolder, unused_folder
from tfwolf.runs.run import FULL_PRECISION, Run, load_configured
from tfwolf.training.checkpoint_files import step_of

# As in `groups.data` and `groups.devices`; flags that a command lacks keep their defaults.
_MACHINE = (
    'data_dir',
    'download',
    'strategy',
    'tpu',
    'startup_timeout',
    'xla',
    'deterministic',
    'resume',
    'override_config',
    'accept_changed_data',
)


def environment(options: Flags, **changes: Any) -> Environment:
    """Return the `Environment` that the flags describe, with `changes` to its attributes."""
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
    """Return the `Configuration` of --gin_file, --gin_param and other flags that set bindings.

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


def open_run(options: Flags, any_values: bool = False) -> Run:
    """Return the `Run` that the flags name, and print its checkpoint.

    Its networks compute in the type of the weights.

    Args:
        options: the flags.
        any_values: whether the command accepts a model of continuous values, or of more than 8
            bits.

    Raises:
        ValueError: if it does not, and the model is one; and as `load_configured`.
    """
    appearance(options)
    folder = run_folder(options)
    found = load_configured(
        folder,
        configuration(options, folder, below=FULL_PRECISION),
        options.checkpoint,
        options.weights,
        environment(options, strategy='one_device'),
    )
    check_pictures(found, any_values)
    print(f'{found.checkpoint}, {found.weights} weights', flush=True)
    return found


def check_pictures(run: Run, any_values: bool = False) -> None:
    """Check that the images of a run are of 8 bits, so that pictures show them as they are.

    Args:
        run: the `Run`.
        any_values: whether other values are accepted, too.

    Raises:
        ValueError: if they are not, and that is not accepted.
    """
    found = run.model.values.image_type.name
    if found != 'uint8' and not any_values:
        raise ValueError(
            f'This command shows or writes images of 8 bits, but those of the run are {found}. '
            f'`tfwolf evaluate`, `density` and `sample` accept it. Got {run.train_dir}.'
        )


def check_without_labels(run: Run, what: str) -> None:
    """Check that z of a run's model needs no class labels, which images of any source do not have.

    Args:
        run: the `Run`.
        what: what is computed from images, with its verb, such as 'The scores are'.

    Raises:
        ValueError: if it needs them.
    """
    latent = run.model.latent
    if latent.needs_labels:
        raise ValueError(
            f'{what} of images without class labels, and this model needs them for z: '
            f'{type(latent).__name__}.'
        )


def coder(options: Flags, run: Run) -> Coder:
    """Return a `Coder` of the run's model with the batch size of the flags."""
    return Coder(run.model, options.batch_size, show_progress=True)


def results_path(options: Flags, train_dir: str, checkpoint: str, tool: str) -> str:
    """Return the folder for the results of a tool: --output_dir, or one in the run's folder.

    Those of a pretrained model go to the working directory.
    """
    return options.output_dir or os.path.join(results_parent(options, train_dir, checkpoint), tool)


def results_parent(options: Flags, train_dir: str, checkpoint: str) -> str:
    """Return the folder in which tools have their results unless --output_dir names another."""
    if name := pretrained_name(options):
        return os.path.join('results', name)
    return os.path.join(train_dir, 'results', os.path.basename(checkpoint))


def result_folder(
    options: Flags, tool: str, run: Run, settings: dict, path: str | None = None
) -> ResultFolder:
    """Return the `ResultFolder` of a tool.

    Without --output_dir and --overwrite, results with other settings get a new folder next to the
    first: NAME, NAME-2, NAME-3 ...

    Args:
        options: the flags.
        tool: its name.
        run: the `Run`.
        settings: `{name: JSON value}` of everything else that the results depend on.
        path: of the folder; None for `results_path`.
    """
    folder = path or results_path(options, run.train_dir, run.checkpoint, tool)
    made_from = {'tool': tool, **run.identity, 'seed': options.seed, **settings}
    return _folder(options, folder, made_from, run.step)


def folder_without_model(options: Flags, tool: str, checkpoint: str, path: str) -> ResultFolder:
    """Return a `ResultFolder` of results that no weight affects, such as the curves of a run.

    Args:
        options: the flags.
        tool: its name.
        checkpoint: path of the run's checkpoint, without extension.
        path: of the folder.
    """
    made_from = {
        'tool': tool,
        'checkpoint': os.path.basename(checkpoint),
        'checkpoint_sha256': checkpoint_sha256(checkpoint),
        'seed': options.seed,
        'versions': software_versions(),
    }
    return _folder(options, path, made_from, step_of(checkpoint))


def _folder(options: Flags, path: str, made_from: dict, step: int) -> ResultFolder:
    if not options.output_dir and not options.overwrite:
        path = unused_folder(path, made_from)
    return ResultFolder(path, made_from, step, options.overwrite, appearance(options))


def _import(module: str) -> None:
    """Import a module of the user, also from the working directory."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise ValueError(
            f'--plugin={module} cannot be imported: {error} (working directory: {os.getcwd()}).'
        ) from error
