"""Flags of a command. They are private to it: a program that uses the library keeps its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from absl import flags

from tfwolf.core.messages import did_you_mean
from tfwolf.core.paths import expanded


class Described(NamedTuple):
    """A flag as `--help` shows it; `value` is the placeholder of its value, '' for none."""

    name: str
    value: str
    default: Any
    meaning: str


class _Path(flags.ArgumentParser):
    syntactic_help = 'a path'

    def parse(self, argument: str) -> str:
        return expanded(argument)


class Flags:
    """The flags of one command: defined in groups first, then parsed, then read as attributes.

    >>> options = Flags()
    >>> options.group('Training')
    >>> options.integer('steps', 10, 'Number of steps.', lower_bound=1)
    >>> options.parse(['--steps=3'])
    >>> options.steps, options.given('steps')
    (3, True)

    Attributes:
        groups: `{title: [Described, ...]}` in the order of definition.
        argument: name of the flag that an argument without a name sets, or None.
        arguments: name of the repeatable flag that all arguments without a name add to, or None.
    """

    def __init__(self) -> None:
        self._values = flags.FlagValues()
        self._group = 'Flags'
        self.groups: dict[str, list[Described]] = {}
        self.argument: str | None = None
        self.arguments: str | None = None

    def group(self, title: str) -> None:
        """Start a group: the flags that are defined next appear under this title in `--help`."""
        self._group = title

    def string(self, name: str, default: str | None, meaning: str, value: str = 'TEXT') -> None:
        """Define a flag with a text; `value` is its placeholder in `--help`."""
        flags.DEFINE_string(name, default, meaning, flag_values=self._values)
        self._describe(name, value, default, meaning)

    def path(self, name: str, default: str | None, meaning: str, value: str = 'FOLDER') -> None:
        """Define a flag with the path of a file or folder; `~` is expanded."""
        flags.DEFINE(
            _Path(), name, default, meaning, self._values, serializer=flags.ArgumentSerializer()
        )
        self._describe(name, value, default, meaning)

    def integer(
        self,
        name: str,
        default: int | None,
        meaning: str,
        lower_bound: int | None = None,
        upper_bound: int | None = None,
    ) -> None:
        """Define a flag with an integer."""
        flags.DEFINE_integer(
            name, default, meaning, lower_bound, upper_bound, flag_values=self._values
        )
        self._describe(name, 'N', default, meaning)

    def real(
        self, name: str, default: float | None, meaning: str, lower_bound: float | None = None
    ) -> None:
        """Define a flag with a number."""
        flags.DEFINE_float(name, default, meaning, lower_bound, flag_values=self._values)
        self._describe(name, 'X', default, meaning)

    def boolean(self, name: str, default: bool | None, meaning: str) -> None:
        """Define a flag that is on or off, `--name` or `--noname`."""
        flags.DEFINE_bool(name, default, meaning, flag_values=self._values)
        self._describe(name, '', default, meaning)

    def choice(self, name: str, default: str | None, values: Sequence[str], meaning: str) -> None:
        """Define a flag with one of some values."""
        flags.DEFINE_enum(name, default, values, meaning, flag_values=self._values)
        self._describe(name, '|'.join(values), default, meaning)

    def list(self, name: str, default: Sequence[str] | None, meaning: str, value: str) -> None:
        """Define a flag with comma-separated texts."""
        flags.DEFINE_list(name, default, meaning, flag_values=self._values)
        self._describe(name, value, default and ', '.join(default), meaning)

    def repeated(self, name: str, meaning: str, value: str) -> None:
        """Define a flag that may be repeated; its value is a list of texts."""
        flags.DEFINE_multi_string(name, [], meaning, flag_values=self._values)
        self._describe(name, value, None, f'{meaning} Repeatable.')

    def repeated_integer(
        self, name: str, default: Sequence[int], meaning: str, lower_bound: int | None = None
    ) -> None:
        """Define a flag that may be repeated; its value is a list of integers."""
        flags.DEFINE_multi_integer(name, default, meaning, lower_bound, flag_values=self._values)
        self._describe(name, 'N', ','.join(map(str, default)), f'{meaning} Repeatable.')

    def renamed(self, old: str, new: str) -> None:
        """Keep accepting the earlier name of a flag; `--help` does not show it."""
        flags.DEFINE_alias(old, new, flag_values=self._values)

    def hidden(self, name: str) -> None:
        """Define a flag that is on or off, for internal use; `--help` does not show it."""
        flags.DEFINE_bool(name, False, '', flag_values=self._values)

    def _describe(self, name: str, value: str, default: Any, meaning: str) -> None:
        self.groups.setdefault(self._group, []).append(Described(name, value, default, meaning))

    def parse(self, arguments: Sequence[str]) -> None:
        """Read the flags of a command line.

        Args:
            arguments: without the name of the command. One argument without a name sets the flag
                `argument`, or any number of them add to the flag `arguments`, if the command has
                one of these.

        Raises:
            ValueError: if a flag is unknown or its value is invalid.
        """
        try:
            _, *rest = self._values(['command', *arguments])
        except flags.UnrecognizedFlagError as error:
            known = [described.name for group in self.groups.values() for described in group]
            # A boolean flag is written --noNAME, too.
            name = error.flagname.removeprefix('no') if error.flagname not in known else ''
            hint = did_you_mean(error.flagname, known) or did_you_mean(name, known)
            raise ValueError(f'Unknown flag --{error.flagname}.{hint}') from None
        except flags.Error as error:
            raise ValueError(str(error)) from None
        if self.argument and rest:
            flag = self._values[self.argument]
            if self.given(self.argument):
                raise ValueError(f'Give {rest[0]!r} or --{self.argument}, not both.')
            flag.parse(rest.pop(0))
            flag.using_default_value = False
            flag.present = 1
        if self.arguments and rest:
            flag = self._values[self.arguments]
            flag.parse(rest)
            flag.using_default_value = False
            rest = []
        if rest:
            raise ValueError(f'Unexpected argument {rest[0]!r}; flags are written --name=value.')

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_') or name not in self._values:
            raise AttributeError(f'The command has no flag --{name}.')
        return self._values[name].value

    def given(self, name: str) -> bool:
        """Return whether the flag was given on the command line."""
        return bool(self._values[name].present)

    def chosen(self, *names: str) -> dict[str, Any]:
        """Return `{name: value}` for some flags."""
        return {name: self._values[name].value for name in names}

    def require(self, *names: str) -> None:
        """Check that flags were given.

        Raises:
            ValueError: naming the first flag without a value.
        """
        for name in names:
            if not self._values[name].value:
                meaning = self._values[name].help.rstrip('.')
                raise ValueError(f'--{name} is required: {meaning[0].lower()}{meaning[1:]}.')

    def numbers(self, name: str, example: str) -> list[float] | None:
        """Return the value of a flag with comma-separated numbers of at least 0, None if not given.

        Args:
            name: of a flag that was defined by `list`.
            example: of a value, for the error message.

        Raises:
            ValueError: if a part is not such a number.
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
                f'--{name} must be comma-separated numbers of at least 0, such as {example}; got '
                f'{",".join(texts)!r}.'
            )
        return values

    def as_arguments(self, *names: str) -> list[str]:
        """Return those of some flags that were given, as command-line arguments."""
        return [
            part
            for name in names
            if self.given(name)
            for part in self._values[name].serialize().split('\n')
        ]
