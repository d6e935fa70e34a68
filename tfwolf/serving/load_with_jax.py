"""Runs a model that was exported as StableHLO with JAX.

Needs JAX and NumPy, and neither TensorFlow nor the project `tfwolf`.

functions = load('exported', batch_size=8)
functions['encode'](images=images)['v']
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import export
from jax._src.interpreters import mlir
from jax._src.lib.mlir import ir
from jax._src.lib.mlir.dialects import hlo

# Seeds have 64 bits.
jax.config.update('jax_enable_x64', True)


def load(
    folder: str | pathlib.Path, batch_size: int
) -> dict[str, Callable[..., dict[str, np.ndarray]]]:
    """Return `{name: function}`, functions of arrays by name that return `{name: array}`.

    Args:
        folder: folder of manifest.json.
        batch_size: one of the batch sizes of the export.

    Raises:
        ValueError: if the model was not exported for this batch size.
    """
    folder = pathlib.Path(folder)
    manifest = json.loads((folder / 'manifest.json').read_text())
    weights = np.load(folder / 'weights.npz', allow_pickle=False)
    functions = {}
    for name, entry in manifest['functions'].items():
        if str(batch_size) not in entry['files']:
            raise ValueError(
                f'`batch_size` must be one of {", ".join(entry["files"])}; got {batch_size}.'
            )
        text = (folder / entry['files'][str(batch_size)]).read_text()
        functions[name] = _function(
            text,
            entry,
            {**manifest['sizes'], 'batch': batch_size},
            [jnp.asarray(weights[key]) for key in entry['weights']],
        )
    return functions


def _function(text, entry, sizes, weights):
    def struct(tensor):
        return jax.ShapeDtypeStruct(
            [sizes.get(size, size) for size in tensor['shape']], tensor['dtype']
        )

    inputs, outputs = ([struct(tensor) for tensor in entry[key]] for key in ('inputs', 'outputs'))
    # The calling convention is that of any function with the same inputs and outputs.
    template = jax.jit(
        lambda *arrays: tuple(jnp.zeros(output.shape, output.dtype) for output in outputs),
        keep_unused=True,
    )
    exported = export.export(template)(*inputs, *weights)
    with mlir.make_ir_context() as context, ir.Location.unknown(context):
        code = hlo.serialize_portable_artifact(
            ir.Module.parse(text, context), hlo.get_minimum_version()
        )
    call = jax.jit(dataclasses.replace(exported, mlir_module_serialized=code).call)

    def function(**arrays):
        names = [tensor['name'] for tensor in entry['inputs']]
        if set(arrays) != set(names):
            raise ValueError(
                f'The inputs are {", ".join(names)}; got {", ".join(arrays) or "none"}.'
            )
        results = call(
            *(jnp.asarray(arrays[name], struct.dtype) for name, struct in zip(names, inputs)),
            *weights,
        )
        return dict(zip((tensor['name'] for tensor in entry['outputs']), map(np.asarray, results)))

    return function
