"""Writes a model as a SavedModel and describes its signatures."""

from __future__ import annotations

import os
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfwolf.serving.arguments import described
from tfwolf.serving.signatures import Signatures
from tfwolf.serving.versions import SAVED_MODEL


class _Holder(tf.Module):
    """A module of plain variables.

    Saved by way of Keras layers, a variable would be stored twice, one of them uninitialized.
    """

    def __init__(self, weights: list[tf.Variable]) -> None:
        super().__init__()
        self.weights = weights


def write_saved_model(signatures: Signatures, folder: str) -> None:
    """Write a SavedModel with the weights that the signatures read, each of them once.

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
    tf.saved_model.save(_Holder(list(variables.values())), folder, signatures=functions)
    _declare_shapes(folder, signatures.all)


def describe(signatures: Signatures) -> dict[str, Any]:
    """Return the description of a model and its signatures, as written to `signatures.json`.

    It has the meaning of each signature, and type, shape, meaning and rule of its tensors.
    """
    model = signatures.model
    return {
        'image_shape': list(model.image_shape),
        'latent_dim': model.latent.dim,
        'num_bits': model.num_bits,
        'num_classes': model.latent.num_classes,
        'signatures': {
            name: {
                'meaning': signature.meaning,
                'inputs': {key: described(tensor) for key, tensor in signature.arguments.items()},
                'outputs': {key: described(tensor) for key, tensor in signature.results.items()},
            }
            for name, signature in signatures.all.items()
        },
    }


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
