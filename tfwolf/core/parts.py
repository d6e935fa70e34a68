"""Parts that a configuration may name: classes and functions, made into factories that hold their
arguments.
"""

from __future__ import annotations

import contextlib
import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

import gin
import gin.config

MODULE = 'tfwolf'
Part = TypeVar('Part', bound=Callable)

# What is registered: parts by their names in gin files, and of each part what gin calls for a
# reference to it. Changed by `register` alone.
_PARTS: dict[str, Callable] = {}
_REFERENCES: dict[Callable, Callable] = {}


class Factory:
    """Calls a class or a function with arguments that are known already, and with those of the
    call, which win.

    It holds its arguments, so it makes the same thing whatever gin is told later. Unlike a
    `functools.partial` it is not tracked by TensorFlow, and it says which argument is missing.

    Args:
        target: class or function.
        arguments: `{name: value}`; a value may be a `Factory`.
        name: how a gin file calls it; default: the name of the target.

    Attributes:
        target, arguments, name: as given.
    """

    def __init__(
        self,
        target: Callable,
        arguments: Mapping[str, Any] = types.MappingProxyType({}),
        name: str | None = None,
    ):
        self.target = target
        self.arguments = types.MappingProxyType(dict(arguments))
        self.name = name or target.__name__

    def __call__(self, *args, **kwargs) -> Any:
        """Returns what the target returns.

        Raises:
            ValueError: if an argument without a default is missing.
        """
        arguments = {**self.arguments, **kwargs}
        parameters = list(_signature(self.target).parameters.values())
        # The target itself says what is wrong with arguments that it does not have.
        for parameter in parameters[len(args) :]:
            if (
                parameter.default is parameter.empty
                and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
                and parameter.name not in arguments
            ):
                name = f'{self.name}.{parameter.name}'
                raise ValueError(
                    f'`{name}` is not bound. Bind it in the gin file or with --gin_param="{name} '
                    '= ...".'
                )
        return self.target(*args, **arguments)

    def __repr__(self) -> str:
        return f'{self.name}({", ".join(f"{name}={value!r}" for name, value in self.arguments.items())})'

    def map(self, change: Callable[[Factory], Mapping[str, Any]]) -> Factory:
        """Returns a factory like this one, and like those in its arguments, with other arguments:
        those that `change(factory)` returns.
        """
        arguments = {name: _mapped(value, change) for name, value in self.arguments.items()}
        return Factory(self.target, {**arguments, **change(self)}, self.name)

    def accepts(self, name: str) -> bool:
        """Returns whether the target has a parameter of this name."""
        return name in _signature(self.target).parameters


@overload
def register(part: Part, *, name: str | None = None) -> Part: ...
@overload
def register(part: None = None, *, name: str | None = None) -> Callable[[Part], Part]: ...
def register(part: Callable | None = None, *, name: str | None = None) -> Callable:
    """Makes a class or function known to gin files, as `@Name`; a decorator that returns it
    unchanged.

    Built from Python it takes its arguments as they are; only a reference in a gin file is
    configured.

    Args:
        part: class or function.
        name: in gin files; default: its own.

    Raises:
        ValueError: if another part has the name.

    >>> @tfwolf.register
    ... def brighten(images, seed, amount=10):
    ...     return tf.cast(tf.minimum(tf.cast(images, tf.int32) + amount, 255), tf.uint8)
    >>> from tfwolf.runs.configuration import read_configuration
    >>> params = ['train.augmentations = [@brighten]', 'brighten.amount = 20']
    >>> read_configuration(['digits'], params).settings().augmentations
    [brighten(amount=20)]
    """
    if part is None:
        return lambda part: register(part, name=name)
    name = name or part.__name__

    def bind(**bound):
        arguments = {
            parameter.name: parameter.default
            for parameter in _signature(part).parameters.values()
            if _is_registered(parameter.default)
        }
        return Factory(
            part,
            {
                **{
                    key: frozen(_REFERENCES[value])
                    for key, value in arguments.items()
                    if key not in bound
                },
                **{key: frozen(value) for key, value in bound.items()},
            },
            name,
        )

    bind.__name__ = name
    bind.__signature__ = _signature(part)
    bind.is_part = True
    previous = _PARTS.get(name)
    if previous is not None and _place(previous) != _place(part):
        raise ValueError(
            f'`name` must be new: {name!r} is the name of {previous!r} in gin files already.'
        )
    # A cell of a notebook that is run again defines its class again.
    with (
        gin.unlock_config(),
        contextlib.nullcontext() if previous is None else gin.config.interactive_mode(),
    ):
        _REFERENCES.pop(previous, None)
        _PARTS[name], _REFERENCES[part] = (
            part,
            gin.external_configurable(bind, name=name, module=MODULE),
        )
    return part


def frozen(value: Any) -> Any:
    """Returns a value of a gin binding so that it needs gin no more.

    A reference `@Name` becomes a `Factory`, `@Name()` what this factory makes; both within lists,
    tuples and dicts, too.

    Raises:
        ValueError: if it refers to something that is not registered with tfwolf.
    """
    if isinstance(value, Factory):
        return value()
    if isinstance(value, (list, tuple)):
        return type(value)(frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: frozen(item) for key, item in value.items()}
    if getattr(value, 'is_part', False):
        return value()
    if callable(value):
        raise ValueError(
            f'`@{value.__name__}` is registered with gin, but not with tfwolf, which has to know '
            'what a configuration consists of. '
            'Register it with `tfwolf.register`.'
        )
    return value


def reference(part: Callable) -> Callable[[], Factory]:
    """Returns what gin calls for a registered part: a function that reads the bindings and returns
    the `Factory`.
    """
    return _REFERENCES[part]


def registered_names() -> list[str]:
    """Returns the names of all registered parts, in alphabetical order."""
    return sorted(_PARTS)


def _mapped(value, change):
    if isinstance(value, Factory):
        return value.map(change)
    return (
        type(value)(_mapped(item, change) for item in value)
        if isinstance(value, (list, tuple))
        else value
    )


def _is_registered(value):
    return callable(value) and getattr(value, '__hash__', None) is not None and value in _REFERENCES


def _place(part):
    return getattr(part, '__module__', None), getattr(part, '__qualname__', None)


def _signature(target):
    """Returns the signature of a call; of a class that of its `__init__`, which Keras hides behind
    a `__new__` that takes anything.
    """
    if not inspect.isclass(target):
        return inspect.signature(target)
    signature = inspect.signature(target.__init__)
    return signature.replace(parameters=list(signature.parameters.values())[1:])
