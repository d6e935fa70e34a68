"""The signatures of a SavedModel, read without TensorFlow's Python.

A signature has names, types, shapes and places in the graph.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# TensorFlow's type numbers, from `types.proto`.
DTYPES = {
    1: np.float32,
    2: np.float64,
    3: np.int32,
    4: np.uint8,
    7: np.object_,
    9: np.int64,
    10: np.bool_,
}


class TensorInfo(NamedTuple):
    """A tensor of a signature.

    Attributes:
        dtype: numpy type; `object` for bytes.
        shape: sizes; None is any size.
        place: name of the operation and index of its output; None if the model is not loaded here.
    """

    dtype: type
    shape: tuple[int | None, ...]
    place: tuple[str, int] | None


class Signature(NamedTuple):
    """The inputs and outputs of a function, each `{name: TensorInfo}`."""

    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]


def read_signatures(meta_graph: bytes) -> dict[str, Signature]:
    """Return `{name: Signature}` of a serialised `MetaGraphDef`, bytes."""
    message: Any = _meta_graph_type().FromString(meta_graph)
    return {
        entry.key: Signature(
            {tensor.key: _info(tensor.value) for tensor in entry.value.inputs},
            {tensor.key: _info(tensor.value) for tensor in entry.value.outputs},
        )
        for entry in message.signatures
        if entry.key != '__saved_model_init_op'
    }


def _info(tensor):
    operation, _, index = tensor.name.partition(':')
    return TensorInfo(
        DTYPES[tensor.dtype],
        tuple(None if dim.size < 0 else dim.size for dim in tensor.shape.dims),
        (operation, int(index or 0)),
    )


@functools.cache
def _meta_graph_type():
    """Return a message class with those fields of `MetaGraphDef` that describe signatures.

    The field numbers are TensorFlow's.
    """
    file = descriptor_pb2.FileDescriptorProto(
        name='signatures.proto', package='signatures', syntax='proto3'
    )
    field_type = descriptor_pb2.FieldDescriptorProto
    messages = {
        'Dim': [('size', 1, field_type.TYPE_INT64)],
        'Shape': [('dims', 2, 'Dim*')],
        'Tensor': [
            ('name', 1, field_type.TYPE_STRING),
            ('dtype', 2, field_type.TYPE_INT32),
            ('shape', 3, 'Shape'),
        ],
        'NamedTensor': [('key', 1, field_type.TYPE_STRING), ('value', 2, 'Tensor')],
        'Function': [('inputs', 1, 'NamedTensor*'), ('outputs', 2, 'NamedTensor*')],
        'NamedFunction': [('key', 1, field_type.TYPE_STRING), ('value', 2, 'Function')],
        'MetaGraph': [('signatures', 5, 'NamedFunction*')],
    }
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            repeated = isinstance(kind, str) and kind.endswith('*')
            added = message.field.add(
                name=field,
                number=number,
                label=field_type.LABEL_REPEATED if repeated else field_type.LABEL_OPTIONAL,
            )
            if isinstance(kind, str):
                added.type, added.type_name = (
                    field_type.TYPE_MESSAGE,
                    f'.signatures.{kind.rstrip("*")}',
                )
            else:
                added.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName('signatures.MetaGraph'))
