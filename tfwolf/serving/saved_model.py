"""Writes a model as a SavedModel and describes its signatures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfwolf.core.freeze import derived_attributes
from tfwolf.core.variables import as_tensorflow, named_variables
from tfwolf.models.wolf import Wolf
from tfwolf.serving.arguments import described
from tfwolf.serving.signatures import Signatures
from tfwolf.serving.versions import SAVED_MODEL

# Of a variable that is no weight of the model.
UNNAMED = 'unnamed'


class _Holder(tf.Module):
    """A module of plain variables.

    Saved by way of Keras layers, a variable would be stored twice, one of them uninitialized.
    """

    def __init__(self, weights: dict[str, tf.Variable]) -> None:
        super().__init__()
        self.weights = weights


def write_saved_model(signatures: Signatures, folder: str) -> None:
    """Write a SavedModel with the weights that the signatures read, each of them once.

    They have the names of `named_variables`, so that a new run can start from them.

    Args:
        signatures: a `Signatures`. If the weights of its model are frozen
            (`tfwolf.core.freeze.freeze`), no matrix is inverted in a call.
        folder: where to; made if it does not exist.
    """
    functions = signatures.functions()
    variables = {
        id(variable): variable
        for function in functions.values()
        for variable in function.graph.variables
    }
    names = _names(signatures.model)
    holder = _Holder(
        {
            names.get(id(variable), f'{UNNAMED}{number}'): variable
            for number, variable in enumerate(variables.values())
        }
    )
    tf.saved_model.save(holder, folder, signatures=functions)
    _declare_shapes(folder, signatures.all)


def describe(signatures: Signatures, classes: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the description of a model and its signatures, as written to `signatures.json`.

    It has the meaning of each signature, and type, shape, meaning and rule of its tensors.

    Args:
        signatures: the `Signatures`.
        classes: names of the classes of the model's images, if they are known.
    """
    model = signatures.model
    named = classes if model.latent.needs_labels else None
    return {
        'image_shape': list(model.image_shape),
        'latent_dim': model.latent.dim,
        'num_bits': model.num_bits,
        'num_classes': model.latent.num_classes,
        'classes': None if named is None else list(named),
        'signatures': {
            name: {
                'meaning': signature.meaning,
                'inputs': {key: described(tensor) for key, tensor in signature.arguments.items()},
                'outputs': {key: described(tensor) for key, tensor in signature.results.items()},
            }
            for name, signature in signatures.all.items()
        },
    }


def _names(model: Wolf) -> dict[int, str]:
    """Return `{id of a variable: its path}` for the weights and the frozen values of a model."""
    names = {id(as_tensorflow(found)): '/'.join(path) for path, found in named_variables(model)}
    for path, module, attribute in derived_attributes(model):
        frozen = vars(module).get(attribute.name)
        if frozen is not None:
            names[id(frozen)] = '/'.join((*path, attribute.name))
    return names


def _declare_shapes(folder, signatures):
    """Write the shapes of tensors into the signatures, where clients read them.

    The graph itself accepts any shape, so that it can report a wrong one.
    """
    path = os.path.join(folder, SAVED_MODEL)
    with open(path, 'rb') as file:
        model = saved_model_pb2.SavedModel.FromString(file.read())
    for name, signature in signatures.items():
        definition = model.meta_graphs[0].signature_def[name]
        for tensors, infos in (
            (signature.arguments, definition.inputs),
            (signature.results, definition.outputs),
        ):
            for key, tensor in tensors.items():
                sizes = [None if isinstance(size, str) else size for size in tensor.shape]
                infos[key].tensor_shape.CopyFrom(tf.TensorShape(sizes).as_proto())
    with open(path, 'wb') as file:
        file.write(model.SerializeToString())
    # It is of the file before the change.
    os.remove(os.path.join(folder, 'fingerprint.pb'))
