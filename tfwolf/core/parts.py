"""Registered parts: classes and functions that a gin file can reference, as factories."""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

import gin
import gin.config

MODULE = 'tfwolf'
Part = TypeVar('Part', bound=Callable)

# Registered parts by their gin names, and the function that gin calls for a reference to each
# part. Only `register` changes them.
_PARTS: dict[str, Callable] = {}
_REFERENCES: dict[Callable, Callable] = {}


class Factory:
    """A class or function together with arguments for it; arguments of a call take precedence.

    The arguments are stored, so later changes of the gin configuration have no effect. Unlike a
    `functools.partial`, it is not tracked by TensorFlow, and its error names a missing argument.

    Args:
        target: class or function.
        arguments: `{name: value}`; a value may be a `Factory`.
        name: name in gin files; default: the name of the target.

    Attributes:
        target, arguments, name: the arguments above.
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
        """Call the target and return its result.

        Raises:
            ValueError: if an argument without a default is missing.
        """
        arguments = {**self.arguments, **kwargs}
        parameters = list(_signature(self.target).parameters.values())
        # Unknown arguments are reported by the target itself.
        for parameter in parameters[len(args) :]:
            if (
                parameter.default is parameter.empty
                and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
                and parameter.name not in arguments
            ):
                name = f'{self.name}.{parameter.name}'
                raise ValueError(
                    f'`{name}` is not bound. Bind it in the gin file or with '
                    f'--gin_param="{name} = ...".'
                )
        return self.target(*args, **arguments)

    def __repr__(self) -> str:
        arguments = ', '.join(f'{name}={value!r}' for name, value in self.arguments.items())
        return f'{self.name}({arguments})'

    def map(self, change: Callable[[Factory], Mapping[str, Any]]) -> Factory:
        """Return a copy of this factory, and of the factories in its arguments, with changes.

        Args:
            change: function of a factory that returns its changed arguments, `{name: value}`.
        """
        arguments = {name: _mapped(value, change) for name, value in self.arguments.items()}
        return Factory(self.target, {**arguments, **change(self)}, self.name)

    def accepts(self, name: str) -> bool:
        """Return whether the target has a parameter of this name."""
        return name in _signature(self.target).parameters


@overload
def register(part: Part, *, name: str | None = None) -> Part: ...
@overload
def register(part: None = None, *, name: str | None = None) -> Callable[[Part], Part]: ...
def register(part: Callable | None = None, *, name: str | None = None) -> Callable:
    """Register a class or function for gin files, as `@Name`; a decorator.

    The class or function is returned unchanged. Calls from Python are not configured by gin; only
    references in a gin file are.

    Args:
        part: class or function.
        name: name in gin files; default: the name of the class or function.

    Raises:
        ValueError: if another part is registered under the name.

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

    def bind(**bound: Any) -> Factory:
        # Defaults that are registered parts can be configured, too.
        defaults = {
            parameter.name: frozen(_REFERENCES[parameter.default])
            for parameter in _signature(part).parameters.values()
            if parameter.name not in bound and _is_part(parameter.default)
        }
        return Factory(
            part, {**defaults, **{key: frozen(value) for key, value in bound.items()}}, name
        )

    bind.__name__ = name
    bind.__signature__ = _signature(part)
    bind.is_part = True
    previous = _PARTS.get(name)
    if previous is not None and _qualified_name(previous) != _qualified_name(part):
        raise ValueError(
            f'`name` must be unused; {name!r} is already the gin name of {previous!r}.'
        )
    # Running a notebook cell again defines its class again.
    with (
        gin.unlock_config(),
        contextlib.nullcontext() if previous is None else gin.config.interactive_mode(),
    ):
        if previous is not None:
            _REFERENCES.pop(previous, None)
        configurable = gin.external_configurable(bind, name=name, module=MODULE)
        _PARTS[name], _REFERENCES[part] = part, configurable
    return part


def frozen(value: Any) -> Any:
    """Return the value of a gin binding in a form that does not depend on gin.

    A reference `@Name` becomes a `Factory`, and `@Name()` becomes the result of calling it, also
    within lists, tuples and dicts.

    Raises:
        ValueError: if the value refers to something that is not registered with tfwolf.
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
            f'`@{value.__name__}` is registered with gin, but not with tfwolf. '
            'Register it with `tfwolf.register`.'
        )
    return value


def accepts(part: Callable, name: str) -> bool:
    """Return whether a class, function, `functools.partial` or `Factory` accepts an argument.

    Args:
        part: what would be called.
        name: of the argument.
    """
    if isinstance(part, Factory):
        return part.accepts(name)
    if isinstance(part, functools.partial):
        return accepts(part.func, name)
    parameters = _signature(part).parameters
    return name in parameters or any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
    )


def name_of(part: Callable) -> str:
    """Return the name of a class, function, `functools.partial` or `Factory` for a message."""
    if isinstance(part, Factory):
        return part.name
    return (
        name_of(part.func)
        if isinstance(part, functools.partial)
        else str(getattr(part, '__name__', part))
    )


def reference(part: Callable) -> Callable[[], Factory]:
    """Return the function that gin calls for a reference to a registered part.

    It reads the bindings and returns the `Factory`.
    """
    return _REFERENCES[part]


def is_registered(configurable: Callable) -> bool:
    """Return whether what a reference in a gin file stands for is a registered part.

    Args:
        configurable: what gin would call, such as the result of `gin.get_configurable`.
    """
    return any(configurable is registered for registered in _REFERENCES.values())


def registered_names() -> list[str]:
    """Return the names of all registered parts in alphabetical order."""
    return sorted(_PARTS)


def _mapped(value: Any, change: Callable[[Factory], Mapping[str, Any]]) -> Any:
    if isinstance(value, Factory):
        return value.map(change)
    return (
        type(value)(_mapped(item, change) for item in value)
        if isinstance(value, (list, tuple))
        else value
    )


def _is_part(value: Any) -> bool:
    return callable(value) and getattr(value, '__hash__', None) is not None and value in _REFERENCES


def _qualified_name(part: Callable) -> tuple[str | None, str | None]:
    return getattr(part, '__module__', None), getattr(part, '__qualname__', None)


def _signature(target: Callable) -> inspect.Signature:
    """Return the signature of a call.

    For a class it is the signature of `__init__`: Keras defines a `__new__` that accepts anything.
    """
    if not inspect.isclass(target):
        return inspect.signature(target)
    signature = inspect.signature(target.__init__)
    return signature.replace(parameters=list(signature.parameters.values())[1:])
