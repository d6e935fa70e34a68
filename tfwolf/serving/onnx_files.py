"""ONNX files of a model's functions, for programs without TensorFlow, and their verification."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfwolf.core.compilation import compile_layers
from tfwolf.core.messages import first_line
from tfwolf.serving.arguments import described_by_name
from tfwolf.serving.onnx_functions import Example
from tfwolf.serving.signature import Signature
from tfwolf.serving.verification import (
    FLOAT_TOLERANCE,
    Difference,
    check_differences,
    difference,
)

MANIFEST = 'manifest.json'
# Version of ONNX's operators: that of onnxruntime 1.14 (2023) and later, in browsers too.
OPSET = 18
# Largest difference that counts as rounding of float32, relative to the largest value.
MOST_ROUNDING = 1e-4


def write_onnx(functions: Mapping[str, Signature], folder: str) -> None:
    """Write `NAME.onnx` of each function, and a manifest of inputs and outputs.

    The batch may have any size. The files do not check their inputs against the rules in the
    manifest.

    Args:
        functions: `{name: Signature}`, of a frozen model.
        folder: where to.

    Raises:
        ValueError: if an operation of the model cannot be expressed; the message names it.
    """
    entries = {}
    for name, function in functions.items():
        content = _converted(name, function)
        with open(os.path.join(folder, f'{name}.onnx'), 'wb') as file:
            file.write(content)
        entries[name] = {
            'meaning': function.meaning,
            'file': f'{name}.onnx',
            'inputs': described_by_name(function.arguments),
            'outputs': described_by_name(function.results),
        }
    with open(os.path.join(folder, MANIFEST), 'w', encoding='utf-8') as file:
        json.dump({'opset': OPSET, 'functions': entries}, file, indent=1)


def _converted(name: str, function: Signature) -> bytes:
    """Return the ONNX file of a function."""
    import onnx
    import tf2onnx

    logging.getLogger('tf2onnx').setLevel(logging.CRITICAL)
    specs = [
        tf.TensorSpec(
            [None if isinstance(size, str) else size for size in argument.shape],
            argument.dtype,
            name=key,
        )
        for key, argument in function.arguments.items()
    ]

    # tf2onnx names the inputs as the specs.
    def compute(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return function.compute(**dict(zip(function.arguments, inputs)))

    try:
        with compile_layers(False):
            found, _ = tf2onnx.convert.from_function(
                tf.function(compute, autograph=False, input_signature=specs),
                input_signature=specs,
                opset=OPSET,
                custom_op_handlers={'Log1p': (_log1p, [])},
            )
        # tf2onnx copies operations that it does not know.
        onnx.checker.check_model(found)
    except (
        ValueError,
        NotImplementedError,
        RuntimeError,
        onnx.checker.ValidationError,
    ) as error:
        raise ValueError(
            f'{name} cannot be written as ONNX: {first_line(error)} Export it with '
            '--format=saved_model or --format=stablehlo.'
        ) from error
    return found.SerializeToString()


def _log1p(graph, node, name: str, arguments: list) -> None:
    """Replace the node log(1 + x), which ONNX does not have, exactly to rounding.

    With u = 1 + x, rounded, it is x log(u) / (u - 1), and x if u = 1: the error of u cancels.
    """
    (x,), (output,) = node.input, node.output
    dtype, shape = graph.get_dtype(output), graph.get_shape(output)
    one = graph.make_const(f'{name}_one', np.float32(1))

    def made(operation: str, *inputs: str) -> str:
        return graph.make_node(operation, list(inputs)).output[0]

    u = made('Add', x, one.output[0])
    less = made('Sub', u, one.output[0])
    is_zero = made('Equal', u, one.output[0])
    # No division by zero, whose result would not be used.
    safe = made('Where', is_zero, one.output[0], less)
    quotient = made('Div', made('Mul', x, made('Log', u)), safe)
    graph.remove_node(node.name)
    graph.make_node(
        'Where', [is_zero, x, quotient], name=name, outputs=[output], dtypes=[dtype], shapes=[shape]
    )


def check_onnx(folder: str, examples: Sequence[Example]) -> list[Difference]:
    """Run the files with onnxruntime and compare their outputs with those of the checkpoint.

    onnxruntime adds in another order than TensorFlow. A float may differ from that of the model in
    float64 by 1e-5 of the largest, or by twice as much as the model's own in float32, up to 1e-4.

    Args:
        folder: folder of the files.
        examples: a list of `Example`.

    Returns:
        list of `Difference`, one for every output.

    Raises:
        RuntimeError: if a difference exceeds its bound, or a file cannot be run.
    """
    sessions, found = {}, []
    for example in examples:
        name = example.name
        if name not in sessions:
            sessions[name] = _session(os.path.join(folder, f'{name}.onnx'))
        results = _run(sessions[name], name, example.inputs)
        found += [_difference(example, key, results[key]) for key in example.outputs]
    return check_differences(found)


def _difference(example: Example, output: str, result: np.ndarray) -> Difference:
    own, exact = example.outputs[output], example.exact[output]
    if own.dtype != np.float32 or result.dtype != own.dtype or result.shape != own.shape:
        return difference(example.name, output, own, result)
    scale = max(1.0, float(np.max(np.abs(exact))))
    error, of_model = (float(np.max(np.abs(x - exact))) / scale for x in (result, own))
    bound = min(max(FLOAT_TOLERANCE, 2 * of_model), MOST_ROUNDING)
    value = error if np.isfinite(error) else np.inf
    return Difference(example.name, output, len(own), value, 0, bound)


def _session(path: str):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    except Exception as error:  # onnxruntime's classes differ from version to version
        raise RuntimeError(
            f'{os.path.basename(path)} cannot be loaded: {first_line(error)}'
        ) from error


def _run(session, name: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    names = [output.name for output in session.get_outputs()]
    try:
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))
    except Exception as error:  # as above
        raise RuntimeError(f'{name}.onnx cannot be run: {first_line(error)}') from error
