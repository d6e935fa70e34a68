"""A model as a SavedModel: its signatures, its weights once, and what they say of themselves."""

from __future__ import annotations

import os
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfwolf.serving.arguments import described
from tfwolf.serving.signatures import Signatures
from tfwolf.serving.versions import SAVED_MODEL


def write_saved_model(signatures: Signatures, folder: str) -> None:
    """Writes a SavedModel with the weights that the signatures read, and no others.

    Args: signatures: a `Signatures`; of a model whose weights are fixed
        (`tfwolf.core.freeze.freeze`) no inverse is computed when it is called. folder: where to;
        made if it is not there.
    """
    functions = signatures.functions()
    # A module of plain variables: by way of Keras layers a variable would be stored twice, and one
    # of the two not initialised.
    holder = tf.Module()
    holder.weights = list(
        {
            id(variable): variable
            for function in functions.values()
            for variable in function.graph.variables
        }.values()
    )
    tf.saved_model.save(holder, folder, signatures=functions)
    _declare_shapes(folder, signatures.all)


def describe(signatures: Signatures) -> dict[str, Any]:
    """Returns what `signatures.json` says of a model and each signature: meaning, and type, shape,
    meaning and rule of every tensor.
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
    """Writes the inputs' shapes into the signatures, where clients look; the graph itself takes
    any, to be able to refuse the wrong ones.
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
    # That of the file as it was.
    os.remove(os.path.join(folder, 'fingerprint.pb'))
