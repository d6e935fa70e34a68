"""The numeric functions of a model as StableHLO, for runtimes such as JAX, PJRT and IREE."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfwolf.core.compilation import compile_layers
from tfwolf.serving.arguments import BATCH, described_by_name
from tfwolf.serving.signatures import DEFAULT, Signatures

# Copied, not imported: it needs JAX.
LOADER = pathlib.Path(__file__).with_name('load_with_jax.py')
MANIFEST, WEIGHTS = 'manifest.json', 'weights.npz'
# The grid of Wolf, figure 5.
NUM_PLACES = {'num_alphas': 5, 'num_betas': 11}


def write_stablehlo(signatures: Signatures, folder: str, batch_sizes: Sequence[int]) -> None:
    """Write a StableHLO module for every function and batch size, the weights and a manifest.

    `main` of a module takes the inputs in the order of the manifest, then the weights. It returns
    the outputs in the order of the manifest. It does not check its inputs against the rules in the
    manifest.

    Args:
        signatures: a `Signatures`. Signatures of image files are left out.
        folder: where to.
        batch_sizes: integers of at least 1. StableHLO has fixed sizes.
    """
    weights, functions = {}, {}
    for name, signature in signatures.all.items():
        if name == DEFAULT or any(
            tensor.dtype == tf.string
            for tensor in (*signature.arguments.values(), *signature.results.values())
        ):
            continue
        entry = {
            'meaning': signature.meaning,
            'files': {},
            'inputs': described_by_name(signature.arguments),
            'outputs': described_by_name(dict(sorted(signature.results.items()))),
        }
        for batch_size in batch_sizes:
            file = f'{name}.b{batch_size}.mlir'
            specs = [
                tf.TensorSpec(_sizes(argument.shape, batch_size), argument.dtype)
                for argument in signature.arguments.values()
            ]
            text, variables = _lower(signature, specs)
            entry['files'][str(batch_size)] = file
            entry['weights'] = [
                weights.setdefault(id(variable), (f'w{len(weights)}', variable))[0]
                for variable in variables
            ]
            with open(os.path.join(folder, file), 'w', encoding='utf-8') as stream:
                stream.write(text)
        functions[name] = entry
    np.savez(
        os.path.join(folder, WEIGHTS),
        **{name: variable.numpy() for name, variable in weights.values()},
    )
    with open(os.path.join(folder, MANIFEST), 'w', encoding='utf-8') as stream:
        json.dump({'sizes': NUM_PLACES, 'functions': functions}, stream, indent=1)
    shutil.copy(LOADER, folder)


def _lower(signature, specs):
    """Return the text of the module, and the variables that `main` takes after the inputs."""
    names = list(signature.arguments)

    @tf.function(jit_compile=True, autograph=False)
    def function(*inputs):
        results = signature.compute(**dict(zip(names, inputs)))
        return [results[key] for key in sorted(results)]

    # The whole module is one program, whatever TensorFlow would compile on its own.
    with compile_layers(False):
        concrete = function.get_concrete_function(*specs)
    variables = {id(variable.handle): variable for variable in concrete.graph.variables}
    captured = [variables[id(handle)] for handle in concrete.captured_inputs]
    return _plain(function.experimental_get_compiler_ir(*specs)(stage='stablehlo')), captured


def _plain(text):
    """Return TensorFlow's text as plain StableHLO, without attributes of its own compiler."""
    text = re.sub(
        r'^(module @\S+) attributes \{.*\} \{$', r'\1 {', text, count=1, flags=re.MULTILINE
    )
    text = re.sub(r'mhlo\.frontend_attributes = \{[^}]*\}(, )?', '', text)
    text = re.sub(r'(%\S+) = mhlo\.copy (%\S+) : (\S+)', r'\1 = stablehlo.convert \2 : \3', text)
    left = sorted(set(re.findall(r'= "?(mhlo\.\w+)', text)))
    if left:
        raise ValueError(
            f'The model uses {", ".join(left)}, which StableHLO does not have. Export it with '
            '--format=saved_model.'
        )
    return text


def _sizes(shape, batch_size):
    return [batch_size if size == BATCH else NUM_PLACES.get(size, size) for size in shape]
