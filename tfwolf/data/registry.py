"""Registry of image sources; a source is a function whose arguments are its options.

A custom source is a decorated function:

    @register_source('stripes', location='WIDTH')
    def load_stripes(location: str, num_examples: int = 100) -> ImageDataset:
        ...

Once its module is imported, `load_dataset('stripes:16', num_examples=50)` calls it.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Mapping

from tfwolf.core.messages import did_you_mean
from tfwolf.data.dataset import ImageDataset

# Arguments that are not options: they specify where the data are, and what a run stored of them.
PLACES = ('location', 'data_dir', 'download', 'record')

Loader = Callable[..., ImageDataset]

# Only `register_source` adds to it, when modules are imported.
_sources: dict[str, RegisteredSource] = {}


@dataclasses.dataclass(frozen=True)
class RegisteredSource:
    """A function that loads images, with its name as a source.

    The arguments of the function are the options of the source, except for those in `PLACES`. For
    an argument whose default is a dataclass, such as `Fit()`, each field of the dataclass is an
    option.

    Args:
        name: name of the source, the part before the colon.
        location: placeholder for the part after the colon in messages, such as 'PATH'; '' if the
            source has no such part.
        load: the function.

    Raises:
        ValueError: if the name is not an identifier, or the function has unsuitable arguments.
    """

    name: str
    location: str
    load: Loader

    def __post_init__(self) -> None:
        if not re.fullmatch(r'[A-Za-z][A-Za-z0-9_]*', self.name):
            raise ValueError(
                '`name` of a source must consist of letters, digits and _, starting with a letter; '
                f'got name={self.name!r}.'
            )
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        unnamed = [
            str(parameter) for parameter in self._parameters.values() if parameter.kind not in kinds
        ]
        if unnamed:
            raise ValueError(
                f'The function of the source {self.name!r} must have only named arguments; '
                f'got {", ".join(unnamed)}.'
            )
        if bool(self.location) != ('location' in self._parameters):
            raise ValueError(
                f'The function of the source {self.name!r} must have an argument `location` if and '
                f'only if it is registered with `location`; got location={self.location!r} and the '
                f'arguments {list(self._parameters)}.'
            )

    @property
    def form(self) -> str:
        """Syntax of the source, such as 'tfds:NAME', or 'stripes[:WIDTH]' with an optional part."""
        if not self.location:
            return self.name
        location = f':{self.location}'
        return self.name + (f'[{location}]' if self.location_is_optional else location)

    @property
    def location_is_optional(self) -> bool:
        """Whether the name is valid without a location."""
        location = self._parameters.get('location')
        return location is None or location.default is not location.empty

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the options in the order of the function's arguments."""
        return tuple(name for group in self._groups.values() for name in group)

    def takes(self, place: str) -> bool:
        """Return whether the function has the argument `place`, one of `PLACES`."""
        return place in self._parameters

    def arguments(self, options: Mapping[str, object]) -> dict[str, object]:
        """Return the arguments of the function for the given options.

        Options that are fields of a dataclass are combined into one argument.

        Raises:
            ValueError: if an option is unknown, invalid or missing.
        """
        for name, value in options.items():
            if name not in self.options:
                raise ValueError(
                    f'The source {self.form!r} does not accept `{name}`; got {name}={value!r}. '
                    f'Its options are {list(self.options)}.{did_you_mean(name, self.options)}'
                )
        arguments = {}
        for argument, names in self._groups.items():
            parameter = self._parameters[argument]
            given = {name: options[name] for name in names if name in options}
            if parameter.default is parameter.empty and not given:
                raise ValueError(
                    f'The source {self.form!r} requires `{argument}`; got {dict(options)}.'
                )
            if _is_group(parameter):
                arguments[argument] = type(parameter.default)(**given)
            else:
                arguments.update(given)
        return arguments

    @property
    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.load).parameters

    @property
    def _groups(self) -> dict[str, list[str]]:
        """Names of the options for each argument that is not in `PLACES`."""
        return {
            name: _option_names(parameter)
            for name, parameter in self._parameters.items()
            if name not in PLACES
        }


def register_source(name: str, location: str = '') -> Callable[[Loader], Loader]:
    """Return a decorator that registers a function as a source of `load_dataset`.

    The decorator returns the function unchanged. The function returns an `ImageDataset`. Its
    arguments are the options of the source, see `RegisteredSource`, except for these optional ones:
    `location`, the text after the colon; `data_dir`, a folder or None; `download`, a bool;
    `record`, a `DataRecord` of the run whose images are opened, or None.

    Args:
        name: name of the source, the part before the colon; an identifier.
        location: placeholder for the part after the colon in messages, such as 'PATH'; '' if the
            source has no such part. If the argument `location` of the function has a default, the
            part is optional.

    Raises:
        ValueError: if the function has unsuitable arguments, or the name is already registered.
    """

    def register(load: Loader) -> Loader:
        source = RegisteredSource(name, location, load)
        before = _sources.get(name)
        if (
            before is not None
            and before.load is not load
            and not _is_redefinition(before.load, load)
        ):
            raise ValueError(
                f'The source {name!r} is already registered by {_title(before.load)}; '
                f'got {_title(load)}. Choose another name.'
            )
        _sources[name] = source
        return load

    return register


def known_sources() -> dict[str, RegisteredSource]:
    """Return all registered sources by name, in alphabetical order.

    The modules of this package, which register its own sources, are imported first.
    """
    package = importlib.import_module('tfwolf.data')
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f'{package.__name__}.{module.name}')
    return dict(sorted(_sources.items()))


def _is_group(parameter: inspect.Parameter) -> bool:
    return dataclasses.is_dataclass(parameter.default) and not isinstance(parameter.default, type)


def _option_names(parameter: inspect.Parameter) -> list[str]:
    return (
        [field.name for field in dataclasses.fields(parameter.default)]
        if _is_group(parameter)
        else [parameter.name]
    )


def _title(load: Loader) -> str:
    return f'{load.__module__}.{load.__qualname__}'


def _is_redefinition(before: Loader, now: Loader) -> bool:
    """Return whether a function was defined again, as by reloading a module or a notebook cell.

    Lambdas and nested functions do not count, because their names are ambiguous.
    """
    return _title(before) == _title(now) and '<' not in _title(now)
