"""Flags of a command. Each command has a set of its own, so that none of them stands in the way of
a program that uses the library.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from absl import flags


class Flags:
    """The flags of one command: defined first, then parsed, then read as attributes.

    >>> options = Flags()
    >>> options.integer('steps', 10, 'How many steps.', lower_bound=1)
    >>> options.parse(['command', '--steps=3'])
    ['command']
    >>> options.steps, options.given('steps')
    (3, True)
    """

    def __init__(self) -> None:
        self._values = flags.FlagValues()
        self.boolean('help', False, 'Show these flags.')
        self.boolean('debug', False, 'Show the whole stack trace of an error.')

    def string(self, name: str, default: str | None, meaning: str) -> None:
        """Defines a flag of one text."""
        flags.DEFINE_string(name, default, meaning, flag_values=self._values)

    def integer(
        self,
        name: str,
        default: int | None,
        meaning: str,
        lower_bound: int | None = None,
        upper_bound: int | None = None,
    ) -> None:
        """Defines a flag of one integer."""
        flags.DEFINE_integer(
            name, default, meaning, lower_bound, upper_bound, flag_values=self._values
        )

    def real(
        self, name: str, default: float | None, meaning: str, lower_bound: float | None = None
    ) -> None:
        """Defines a flag of one number."""
        flags.DEFINE_float(name, default, meaning, lower_bound, flag_values=self._values)

    def boolean(self, name: str, default: bool | None, meaning: str) -> None:
        """Defines a flag that is on or off, `--name` or `--noname`."""
        flags.DEFINE_bool(name, default, meaning, flag_values=self._values)

    def choice(self, name: str, default: str | None, values: Sequence[str], meaning: str) -> None:
        """Defines a flag of one of some values."""
        flags.DEFINE_enum(name, default, values, meaning, flag_values=self._values)

    def list(self, name: str, default: Sequence[str] | None, meaning: str) -> None:
        """Defines a flag of texts with commas between."""
        flags.DEFINE_list(name, default, meaning, flag_values=self._values)

    def repeated(self, name: str, meaning: str) -> None:
        """Defines a flag of a text that may be given several times; the value is a list."""
        flags.DEFINE_multi_string(name, [], meaning, flag_values=self._values)

    def repeated_integer(
        self, name: str, default: Sequence[int], meaning: str, lower_bound: int | None = None
    ) -> None:
        """Defines a flag of an integer that may be given several times; the value is a list."""
        flags.DEFINE_multi_integer(name, default, meaning, lower_bound, flag_values=self._values)

    def parse(self, arguments: Sequence[str]) -> list[str]:
        """Reads the flags of a command line and returns what is left of it, the name of the command
        first.

        Raises:
            absl.flags.Error: if a flag is unknown, or its value breaks a rule.
        """
        return self._values(arguments)

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_') or name not in self._values:
            raise AttributeError(f'The command has no flag --{name}.')
        return self._values[name].value

    def given(self, name: str) -> bool:
        """Returns whether the flag stands on the command line."""
        return bool(self._values[name].present)

    def chosen(self, *names: str) -> dict[str, Any]:
        """Returns `{name: value}` of some flags."""
        return {name: self._values[name].value for name in names}

    def numbers(self, name: str, example: str) -> list[float] | None:
        """Returns the value of a flag of numbers of at least 0 with commas between; None where it
        was not given.

        Args:
            name: of a flag that was defined by `list`.
            example: of its value, for the message.

        Raises:
            ValueError: if a part is no such number.
        """
        texts = self._values[name].value
        if texts is None:
            return None
        try:
            values = [float(text) for text in texts]
        except ValueError:
            values = []
        if not values or not all(0 <= value < math.inf for value in values):
            raise ValueError(
                f'--{name} must be numbers of at least 0 with commas between, such as {example}; '
                f'got {",".join(texts)!r}.'
            )
        return values

    def as_arguments(self, *names: str) -> list[str]:
        """Returns those of some flags that were given as they would stand on a command line."""
        return [
            part
            for name in names
            if self.given(name)
            for part in self._values[name].serialize().split('\n')
        ]

    def help_text(self) -> str:
        """Returns what each flag means."""
        return self._values.get_help()


def configuration(options: Flags) -> None:
    """Defines the flags of an experiment's configuration."""
    options.repeated(
        'gin_file',
        "Gin file with an experiment, or the name of a shipped one such as 'digits'; may be given "
        'several times, later ones win.',
    )
    options.repeated(
        'gin_param', 'One gin binding, such as "train.batch_size = 32"; wins over files.'
    )
    options.choice(
        'precision',
        None,
        ['float32', 'bfloat16'],
        'What the networks compute in; log-determinants, actnorm, 1x1 '
        'convolutions and priors stay in the type of the weights. Default: as the gin files say, '
        'that of the weights.',
    )
    options.repeated(
        'plugin',
        'Python module of your own that registers parts (networks, data sources, evaluators); '
        'repeatable.',
    )
    options.integer('seed', 0, 'Seed of weights, order of images and noise.', lower_bound=0)


def data(options: Flags) -> None:
    """Defines the flags of where data are."""
    options.string('data_dir', None, "Folder of TensorFlow Datasets' prepared data.")
    options.boolean('download', True, 'Download and prepare TFDS data that are not in --data_dir.')


def devices(options: Flags) -> None:
    """Defines the flags of what is computed on."""
    from tfwolf.training.strategy import NAMES

    options.choice(
        'strategy',
        'auto',
        NAMES,
        'Devices to compute on; multi_worker: those of all processes in TF_CONFIG; auto: '
        'multi_worker, mirrored or one_device, whichever of them there is something for.',
    )
    options.string(
        'tpu',
        None,
        'With --strategy=tpu: name or address of the TPU, or "local"; default: that of the '
        'environment.',
    )
    options.real('startup_timeout', 600.0, 'Seconds to wait for all workers.', lower_bound=1.0)
    options.boolean(
        'xla',
        None,
        'Compile loss and gradients of the flow with XLA. Default: on a GPU, not on a CPU, where '
        'it is slower.',
    )


def run(options: Flags) -> None:
    """Defines the flags of a run and of which of its weights."""
    from tfwolf.training.averages import CHOICES

    options.string('train_dir', None, 'Folder of the run.')
    options.string(
        'checkpoint', 'latest', "'latest', 'best' (on validation) or the number of a step."
    )
    options.choice(
        'weights',
        'auto',
        CHOICES,
        'The weights, or their averages (train.ema_decay; averaged and ema are the same); auto: '
        'the averages '
        'where there are any.',
    )


def results(options: Flags) -> None:
    """Defines the flags of a tool of pictures or tables, those of its run included."""
    run(options)
    configuration(options)
    data(options)
    options.string(
        'output_dir', None, 'Folder of the results; default: TRAIN_DIR/results/CHECKPOINT/TOOL.'
    )
    options.boolean(
        'overwrite',
        False,
        'Replace results in --output_dir that were made with other settings or of another '
        'checkpoint.',
    )
    options.integer(
        'batch_size', 64, 'Images that are encoded or decoded at a time.', lower_bound=1
    )
