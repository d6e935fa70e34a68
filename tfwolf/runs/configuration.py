"""From gin files to a configuration that needs gin no more: the one place where gin is read."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gin.config

import gin
from tfwolf.core.messages import did_you_mean
from tfwolf.core.parts import Factory, reference, registered_names
from tfwolf.evaluation.evaluators import EvaluationSettings
from tfwolf.runs import names  # noqa: F401  (registers what gin files may name)
from tfwolf.runs.config_text import bindings, modernized
from tfwolf.runs.experiment import Experiment
from tfwolf.runs.gin_files import find_gin_file
from tfwolf.training.settings import Settings

LINE_LENGTH = 120
# gin keeps its configuration in the variables of a module; several threads may load runs.
_LOCK = threading.RLock()
_STATE = ('_CONFIG', '_IMPORTS', '_OPERATIVE_CONFIG', '_SINGLETONS')
# What is always given by whoever makes a part, so that its default is not in use.
_GIVEN = re.compile(r'(\S+\.(?:seed|data_dir|download)) = ')


@dataclasses.dataclass(frozen=True)
class Configuration:
    """What gin files say, resolved: nothing here reads gin again.

    Attributes:
        text: a gin file that says the same, without the seed.
        operative_text: likewise, of what is used alone, with the values that were left at their
            defaults.
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
        """Returns `text` with the seed in its first line, as a run keeps it."""
        return f'# seed = {seed}\n{self.text}'


def read_configuration(
    files: Sequence[str] = (),
    params: Sequence[str] = (),
    run_text: str = '',
    given: Mapping[str, Any] | None = None,
) -> Configuration:
    """Returns the `Configuration` of gin files and bindings. What gin was told before is left as it
    was.

    Args:
        files: paths of gin files, or names of shipped ones such as 'digits'; later ones win. An
            `include` is looked up in the folders of the files and in the working directory.
        params: bindings, such as 'train.batch_size = 32'; they win over files.
        run_text: text of the configuration that a run keeps; it is read before the files. That of
            an earlier version is translated.
        given: arguments of `Experiment` that were made in Python; they win over bindings.

    Raises:
        ValueError: if a file is missing, a line cannot be read, a name is unknown, or a part cannot
            be made.
    """
    files = [find_gin_file(file) for file in files]
    with _own_gin([os.path.dirname(os.path.abspath(file)) for file in files]):
        try:
            gin.parse_config(modernized(run_text))
            gin.parse_config_files_and_bindings(files, list(params), skip_unknown=False)
        except (
            Exception
        ) as error:  # gin lets through whatever its parser, tokenizer and imports raise
            raise ValueError(
                f'The gin configuration cannot be read: {error}{_remedy(str(error))}'
            ) from error
        try:
            experiment, settings, evaluation = (
                reference(part)() for part in (Experiment, Settings, EvaluationSettings)
            )
        except (
            Exception
        ) as error:  # of whatever a part raises; gin adds in which function's call it arose
            raise ValueError(
                '\n'.join(
                    line
                    for line in str(error).splitlines()
                    if not line.startswith('  In call to configurable')
                )
            ) from error
        text, operative = gin.config_str(LINE_LENGTH), gin.operative_config_str(LINE_LENGTH)
    bound = bindings(text)
    used = [
        line
        for line in operative.splitlines()
        if not (match := _GIVEN.match(line)) or match[1] in bound
    ]
    experiment = Factory(Experiment, {**experiment.arguments, **(given or {})}, experiment.name)
    return Configuration(text, '\n'.join(used) + '\n', experiment, settings, evaluation)


def _remedy(message: str) -> str:
    """Returns what to do about an unknown name in a gin file."""
    unknown = re.search(r"No configurable matching (?:reference )?'@?(?:\S+/)?(\w+)", message)
    if not unknown:
        return ''
    hint = did_you_mean(unknown[1], registered_names())
    return f'\n{hint.strip()} A part of your own is known after its module was imported: name it with --plugin, or import it.'.replace(
        '\n ', '\n'
    )


@contextlib.contextmanager
def _own_gin(folders: Sequence[str]) -> Iterator[None]:
    """Gives an empty gin for the length of a `with` block, which looks for includes in some
    folders; then the caller's is back.
    """
    state = gin.config
    with _LOCK:
        kept = {name: getattr(state, name).copy() for name in _STATE}
        was_locked, prefixes, silenced = (
            gin.config_is_locked(),
            list(state._LOCATION_PREFIXES),
            logging.root.manager.disable,
        )
        try:
            gin.clear_config()
            state._LOCATION_PREFIXES[:] = ['', *folders]
            # gin logs an error for every folder in which an include is not found before it is.
            logging.disable(logging.ERROR)
            with gin.config_scope(None):
                yield
        finally:
            logging.disable(silenced)
            state._LOCATION_PREFIXES[:] = prefixes
            for name, value in kept.items():
                getattr(state, name).clear()
                getattr(state, name).update(value)
            state._set_config_is_locked(was_locked)
