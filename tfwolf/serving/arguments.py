"""What a signature takes and returns, and the checks that a request goes through inside the graph,
whoever sends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow as tf

BATCH = 'batch'


class Argument(NamedTuple):
    """An input of a signature.

    Attributes:
        dtype: TensorFlow type.
        shape: sizes; a string stands for any size of at least 1 and names it. The first is 'batch'.
        meaning: one line for people, with units.
        is_good: function of the tensor that returns whether each value keeps `rule`; None if any
            value will do.
        rule: what the values must be, for messages: "must be ...".
    """

    dtype: tf.DType
    shape: tuple[int | str, ...]
    meaning: str
    is_good: Callable[[tf.Tensor], tf.Tensor] | None = None
    rule: str = ''


class Result(NamedTuple):
    """An output of a signature; attributes as of an `Argument`."""

    dtype: tf.DType
    shape: tuple[int | str, ...]
    meaning: str


def finite(shape: tuple[int | str, ...], meaning: str) -> Argument:
    """Returns an `Argument` of finite float32 values."""
    return Argument(tf.float32, shape, meaning, tf.math.is_finite, 'must be finite')


def checked(
    inputs: Mapping[str, tf.Tensor], arguments: Mapping[str, Argument]
) -> dict[str, tf.Tensor]:
    """Returns the inputs, which the graph refuses with a message for people unless they keep the
    rules.

    A server does not hold a request's shapes against the signature, and images of another size
    would run through a convolution. So the tensors come in with no shape that a graph optimiser
    could take for granted, and leave with the one that was checked.

    Args:
        inputs: `{name: tensor}`.
        arguments: `{name: Argument}`.
    """
    shaped = {}
    for name, argument in arguments.items():
        x = inputs[name]
        with tf.control_dependencies([_has_shape(name, x, argument.shape)]):
            shaped[name] = tf.ensure_shape(
                x, [None if isinstance(size, str) else size for size in argument.shape]
            )
    first, *others = shaped
    batch = tf.shape(shaped[first])[0]
    checks = [
        tf.debugging.Assert(
            tf.equal(tf.shape(shaped[name])[0], batch),
            [
                tf.strings.format(
                    f'`{name}` must have as many rows as `{first}`, {{}}; got {{}}.',
                    (batch, tf.shape(shaped[name])[0]),
                )
            ],
        )
        for name in others
    ]
    for name, argument in arguments.items():
        if argument.is_good is not None:
            good = argument.is_good(shaped[name])
            checks.append(
                tf.debugging.Assert(
                    tf.reduce_all(good),
                    [
                        tf.strings.format(
                            f'`{name}` {argument.rule}; it is not at {{}} of {{}} places.',
                            (tf.reduce_sum(tf.cast(~good, tf.int32)), tf.size(good)),
                        )
                    ],
                )
            )
    with tf.control_dependencies(checks):
        return {name: tf.identity(x) for name, x in shaped.items()}


def _has_shape(name, x, shape):
    rank = len(shape)
    fixed = tf.constant([-1 if isinstance(size, str) else size for size in shape])
    # Cut or filled up to the right rank, so that the comparison itself never fails.
    found = tf.concat([tf.shape(x), tf.zeros([rank], tf.int32)], axis=0)[:rank]
    # Not tf.rank: a graph optimiser takes it from the shapes that are wanted further on.
    good = tf.equal(tf.size(tf.shape(x)), rank) & tf.reduce_all(
        tf.where(fixed < 0, found > 0, tf.equal(found, fixed))
    )
    wanted = ', '.join(map(str, shape))
    hint = (
        f' with at least one {"image" if name.startswith("images") else "row"}' if rank > 0 else ''
    )
    return tf.debugging.Assert(
        good,
        [
            tf.strings.format(
                f'`{name}` must be {argument_type(x)} [{wanted}]{hint}; got the shape {{}}.',
                tf.shape(x),
            )
        ],
    )


def described(tensor: Argument | Result) -> dict[str, Any]:
    """Returns what a file says of an `Argument` or `Result`: `{'dtype', 'shape', 'meaning'}`, and
    'rule' where there is one.
    """
    rule = getattr(tensor, 'rule', '')
    return {
        'dtype': argument_type(tensor),
        'shape': list(tensor.shape),
        'meaning': tensor.meaning,
        **({'rule': rule} if rule else {}),
    }


def argument_type(x: Argument | Result | tf.Tensor) -> str:
    """Returns the name of a tensor's or argument's type for people: 'bytes' for strings."""
    return 'bytes' if x.dtype == tf.string else x.dtype.name
