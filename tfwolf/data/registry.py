"""Sources of images by name: a source is one function, which registers itself; its arguments are
its options.

A source outside of the package is one decorated function:

    @register_source('stripes', location='WIDTH')
    def load_stripes(location: str, validation_size: float = 0.1, num_examples: int = 100) ->
        ImageDataset:
        ...

After its module was imported, `load_dataset('stripes:16', num_examples=50)` calls it.
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

# Arguments that are no options: they say where the data lie, not which images they are.
PLACES = ('location', 'data_dir', 'download')

Loader = Callable[..., ImageDataset]

# Filled by `register_source` alone, while modules are imported.
_sources: dict[str, RegisteredSource] = {}


@dataclasses.dataclass(frozen=True)
class RegisteredSource:
    """A function that loads images, and the name under which sources ask for it.

    An argument of the function is an option of the source, unless it is one of `PLACES`. An
    argument whose default is a dataclass, such as `Fit()`, stands for the fields of the dataclass,
    which are options each.

    Args:
        name: the scheme, what stands before the colon.
        location: what stands behind the colon, for messages, such as 'PATH'; '' if nothing does.
        load: the function.

    Raises:
        ValueError: if the name is no identifier, or the arguments of the function are not as said
            above.
    """

    name: str
    location: str
    load: Loader

    def __post_init__(self) -> None:
        if not re.fullmatch(r'[A-Za-z][A-Za-z0-9_]*', self.name):
            raise ValueError(
                f'`name` of a source must be letters, digits and _, the first a letter; '
                f'got name={self.name!r}.'
            )
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        unnamed = [
            str(parameter) for parameter in self._parameters.values() if parameter.kind not in kinds
        ]
        if unnamed:
            raise ValueError(
                f'The source {self.name!r} must take its options as named arguments; '
                f'got {", ".join(unnamed)}.'
            )
        if bool(self.location) != ('location' in self._parameters):
            raise ValueError(
                f'The source {self.name!r} must have an argument `location` if and only if it is '
                f'registered with one; got location={self.location!r} and the arguments '
                f'{list(self._parameters)}.'
            )

    @property
    def form(self) -> str:
        """How such a source is written, for example 'tfds:NAME', or 'stripes[:WIDTH]' if the name
        may stand alone.
        """
        if not self.location:
            return self.name
        return (
            f'{self.name}[:{self.location}]'
            if self.location_is_optional
            else f'{self.name}:{self.location}'
        )

    @property
    def location_is_optional(self) -> bool:
        """Whether the name may stand alone."""
        location = self._parameters.get('location')
        return location is None or location.default is not location.empty

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the options, in the order of the function's arguments."""
        return tuple(name for group in self._groups.values() for name in group)

    def takes(self, place: str) -> bool:
        """Whether the function has the argument `place`, one of `PLACES`."""
        return place in self._parameters

    def arguments(self, options: Mapping[str, object]) -> dict[str, object]:
        """Returns the arguments of the function that mean `options`, groups of options as one value
        each.

        Raises:
            ValueError: if the source does not take one of the options, lacks one that it needs, or
                a group finds its options wrong.
        """
        for name, value in options.items():
            if name not in self.options:
                raise ValueError(
                    f'The source {self.form!r} has no use for `{name}`; got {name}={value!r}. Its '
                    'options '
                    f'are {list(self.options)}.{did_you_mean(name, self.options)}'
                )
        arguments = {}
        for argument, names in self._groups.items():
            parameter, given = (
                self._parameters[argument],
                {name: options[name] for name in names if name in options},
            )
            if parameter.default is parameter.empty and not given:
                raise ValueError(
                    f'The source {self.form!r} needs `{argument}`; got {dict(options)}.'
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
        """Returns for each argument that is not a place the names of the options that it stands
        for.
        """
        return {
            name: _option_names(parameter)
            for name, parameter in self._parameters.items()
            if name not in PLACES
        }


def register_source(name: str, location: str = '') -> Callable[[Loader], Loader]:
    """Returns a decorator that makes a function the source `name` of `load_dataset`; it returns the
    function unchanged.

    The function returns an `ImageDataset`. Its arguments are options of the source (see
    `RegisteredSource`), except
    these, which it takes if it has a use for them: `location`, the text behind the colon;
        `data_dir`, a folder or None;
    `download`, a bool.

    Args:
        name: what stands before the colon in a source, an identifier.
        location: what stands behind the colon, for messages, such as 'PATH'; '' if nothing does. If
            the argument `location` of the function has a default, the name may stand alone.

    Raises:
        ValueError: if the function cannot be called so, or another function has the name already.
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
                f'A source {name!r} is registered already, by {_title(before.load)}; '
                f'got {_title(load)}. Choose another name.'
            )
        _sources[name] = source
        return load

    return register


def known_sources() -> dict[str, RegisteredSource]:
    """Returns all registered sources by name, in alphabetical order; those of this package are
    imported first.
    """
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f'{__package__}.{module.name}')
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
    """Whether a module or a cell of a notebook was executed again; lambdas and inner functions do
    not tell.
    """
    return _title(before) == _title(now) and '<' not in _title(now)
