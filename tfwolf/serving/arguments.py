"""Inputs and outputs of signatures, and the validation of inputs inside the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow as tf

BATCH = 'batch'


class Argument(NamedTuple):
    """An input of a signature.

    Attributes:
        dtype: TensorFlow type.
        shape: sizes, the first of which is 'batch'. A string is the name of a size that may be
            any integer of at least 1.
        meaning: one line of description, with units.
        is_good: function of the tensor that returns, for each value, whether it is valid. None if
            all values are valid.
        rule: what the values must satisfy, as used in error messages: 'must be finite'.
    """

    dtype: tf.DType
    shape: tuple[int | str, ...]
    meaning: str
    is_good: Callable[[tf.Tensor], tf.Tensor] | None = None
    rule: str = ''


class Result(NamedTuple):
    """An output of a signature. The attributes are those of `Argument`."""

    dtype: tf.DType
    shape: tuple[int | str, ...]
    meaning: str


def finite(shape: tuple[int | str, ...], meaning: str) -> Argument:
    """Return an `Argument` of finite float32 values."""
    return Argument(tf.float32, shape, meaning, tf.math.is_finite, 'must be finite')


def checked(
    inputs: Mapping[str, tf.Tensor], arguments: Mapping[str, Argument]
) -> dict[str, tf.Tensor]:
    """Return the inputs, validated inside the graph.

    A model server does not compare the shapes of a request with the signature, and a convolution
    accepts images of any size. The input tensors therefore have no static shape, which a graph
    optimizer would take for granted. The returned tensors have the shape that was checked.

    Args:
        inputs: `{name: tensor}`.
        arguments: `{name: Argument}`.
    """
    shaped = {}
    for name, argument in arguments.items():
        x = inputs[name]
        with tf.control_dependencies([_check_shape(name, x, argument.shape)]):
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
            bad = tf.logical_not(good)
            checks.append(
                tf.debugging.Assert(
                    tf.reduce_all(good),
                    [
                        tf.strings.format(
                            f'`{name}` {argument.rule}; {{}} of {{}} values are not.',
                            (tf.reduce_sum(tf.cast(bad, tf.int32)), tf.size(good)),
                        )
                    ],
                )
            )
    with tf.control_dependencies(checks):
        return {name: tf.identity(x) for name, x in shaped.items()}


def _check_shape(name, x, shape):
    rank = len(shape)
    fixed = tf.constant([-1 if isinstance(size, str) else size for size in shape])
    # Cut or padded to the right rank, so that the comparison itself cannot fail.
    found = tf.concat([tf.shape(x), tf.zeros([rank], tf.int32)], axis=0)[:rank]
    # Not tf.rank: a graph optimizer would infer it from the shape that is set after the check.
    good = tf.equal(tf.size(tf.shape(x)), rank) & tf.reduce_all(
        tf.where(fixed < 0, found > 0, tf.equal(found, fixed))
    )
    wanted = ', '.join(map(str, shape))
    row = 'image' if name.startswith('images') else 'row'
    hint = f' with at least one {row}' if rank > 0 else ''
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
    """Return the description of an input or output as JSON values.

    Returns:
        `{'dtype', 'shape', 'meaning'}`, and 'rule' if the values are restricted.
    """
    rule = getattr(tensor, 'rule', '')
    return {
        'dtype': argument_type(tensor),
        'shape': list(tensor.shape),
        'meaning': tensor.meaning,
        **({'rule': rule} if rule else {}),
    }


def described_by_name(tensors: Mapping[str, Argument | Result]) -> list[dict[str, Any]]:
    """Return `[{'name', ...}, ...]`: the `described` inputs or outputs, in their order."""
    return [{'name': name, **described(tensor)} for name, tensor in tensors.items()]


def argument_type(x: Argument | Result | tf.Tensor) -> str:
    """Return the name of a type for messages: 'bytes' for strings."""
    return 'bytes' if x.dtype == tf.string else x.dtype.name
