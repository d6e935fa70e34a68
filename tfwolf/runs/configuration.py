"""Read gin files into a configuration that no longer depends on gin."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gin
import gin.config

from tfwolf.core.module_search import importing_from_working_directory
from tfwolf.core.parts import Factory, reference
from tfwolf.evaluation.evaluators import EvaluationSettings
from tfwolf.runs import names  # noqa: F401  (registers what gin files may name)
from tfwolf.runs.bindings_only import check_bindings_only, forget_others
from tfwolf.runs.config_text import bindings, modernized
from tfwolf.runs.experiment import Experiment
from tfwolf.runs.gin_files import find_gin_file
from tfwolf.runs.gin_reading import advice, own_rules, parse_binding
from tfwolf.runs.source_paths import absolute_source
from tfwolf.training.settings import Settings

LINE_LENGTH = 120
# gin keeps its configuration in module variables, and several threads may load runs.
_LOCK = threading.RLock()
_STATE = ('_CONFIG', '_IMPORTS', '_OPERATIVE_CONFIG', '_SINGLETONS')
# Arguments that the caller always passes, so that their defaults are not used.
_GIVEN = re.compile(r'(\S+\.(?:seed|data_dir|download)) = ')


@dataclasses.dataclass(frozen=True)
class Configuration:
    """The resolved content of gin files; nothing here reads gin again.

    Attributes:
        text: gin text of all bindings, without the seed; paths of sources are absolute.
        operative_text: gin text of the bindings that are used, including default values.
        experiment: makes the `Experiment`.
        settings: makes the `Settings` of training.
        evaluation: makes the `EvaluationSettings`.
    """

    text: str
    operative_text: str = dataclasses.field(repr=False)
    experiment: Factory = dataclasses.field(repr=False)
    settings: Factory = dataclasses.field(repr=False)
    evaluation: Factory = dataclasses.field(repr=False)

    def text_with_seed(self, seed: int) -> str:
        """Return `text` with the seed in its first line, as it is saved with a run."""
        return f'# seed = {seed}\n{self.text}'


def read_configuration(
    files: Sequence[str] = (),
    params: Sequence[str] = (),
    run_text: str = '',
    given: Mapping[str, Any] | None = None,
) -> Configuration:
    """Return the `Configuration` of gin files and bindings; gin's global state is left unchanged.

    Args:
        files: paths of gin files, or names of shipped ones such as 'digits'; later files win. An
            `include` is searched in the folder of the file that includes it, in the folders of all
            files, in the working directory, and among the shipped files.
        params: bindings, such as 'train.batch_size = 32'; they win over files.
        run_text: text of the configuration of a run, read before the files. It may come from a
            stranger, so it must only bind parameters of registered parts. Text of an earlier
            version is translated.
        given: arguments of `Experiment` made in Python; they win over bindings.

    Raises:
        ValueError: if a file is missing, a line is invalid, a name is unknown, a part cannot be
            made, or `run_text` does more than to bind parameters.
    """
    files = [os.path.abspath(find_gin_file(file)) for file in files]
    run_text = modernized(run_text)
    with _own_gin([os.path.dirname(file) for file in files]):
        check_bindings_only(run_text)
        try:
            gin.parse_config(run_text)
            # A gin file of the user may import modules.
            with importing_from_working_directory():
                for file in files:
                    gin.parse_config_file(file)
                for param in params:
                    parse_binding(param)
            gin.finalize()
        except Exception as error:  # of any type, from gin's parser and what is imported
            raise ValueError(
                f'The gin configuration cannot be read: {advice(str(error))}'
            ) from error
        for arguments in gin.config._CONFIG.values():
            arguments.update({name: absolute_source(value) for name, value in arguments.items()})
        try:
            experiment, settings, evaluation = (
                reference(part)() for part in (Experiment, Settings, EvaluationSettings)
            )
        except Exception as error:  # of any type, from a part; gin adds the calls to its message
            raise ValueError(
                '\n'.join(
                    line
                    for line in str(error).splitlines()
                    if not line.startswith('  In call to configurable')
                )
            ) from error
        forget_others()
        text, operative = gin.config_str(LINE_LENGTH), gin.operative_config_str(LINE_LENGTH)
    bound = bindings(text)
    used = [
        line
        for line in operative.splitlines()
        if not (match := _GIVEN.match(line)) or match[1] in bound
    ]
    experiment = Factory(Experiment, {**experiment.arguments, **(given or {})}, experiment.name)
    return Configuration(text, '\n'.join(used) + '\n', experiment, settings, evaluation)


@contextlib.contextmanager
def _own_gin(folders: Sequence[str]) -> Iterator[None]:
    """Use an empty gin configuration within a `with` block, then restore the caller's.

    Args:
        folders: folders in which includes are searched.
    """
    state = gin.config
    with _LOCK:
        kept = {name: getattr(state, name).copy() for name in _STATE}
        was_locked, silenced = gin.config_is_locked(), logging.root.manager.disable
        try:
            gin.clear_config()
            # gin logs an error for every searched folder without the include.
            logging.disable(logging.ERROR)
            with gin.config_scope(None), own_rules(folders):
                yield
        finally:
            logging.disable(silenced)
            for name, value in kept.items():
                getattr(state, name).clear()
                getattr(state, name).update(value)
            state._set_config_is_locked(was_locked)
