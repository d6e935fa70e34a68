"""gRPC for the client, with those messages of TensorFlow Serving that it sends and reads.

Needs `grpcio` and `protobuf`, and no TensorFlow.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import grpc
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# TensorFlow's type numbers with their names and the field of a `TensorProto` for their values.
TYPES = {
    1: ('DT_FLOAT', np.float32, 'float_val'),
    4: ('DT_UINT8', np.uint8, 'int_val'),
    7: ('DT_STRING', np.object_, 'string_val'),
    9: ('DT_INT64', np.int64, 'int64_val'),
    10: ('DT_BOOL', np.bool_, 'bool_val'),
}
UNLIMITED = [('grpc.max_receive_message_length', -1), ('grpc.max_send_message_length', -1)]


class Grpc:
    """A model of a server's PredictionService.

    Args:
        address: 'host:port'.
        model_name: name of the model on the server.
        timeout: seconds to wait for an answer.
        error_type: error to raise, with a message, if the server cannot be reached or refuses a
            request.
    """

    def __init__(
        self, address: str, model_name: str, timeout: float, error_type: type[Exception]
    ) -> None:
        self._address, self._model_name, self._timeout, self._error_type = (
            address,
            model_name,
            timeout,
            error_type,
        )
        self._channel = grpc.insecure_channel(address, UNLIMITED)

    def signatures(self) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
        """Return `{name: (inputs, outputs)}`, each `{name: (name of the type, shape)}`."""
        answer: Any = self._call(
            'GetModelMetadata',
            _message('MetadataRequest')(metadata_field=['signature_def']),
            'MetadataResponse',
        )
        signatures: Any = _message('SignatureMap').FromString(answer.metadata[0].value.value)

        def types(infos):
            return {
                info.key: (TYPES[info.value.dtype][0], [dim.size for dim in info.value.shape.dims])
                for info in infos
            }

        return {
            entry.key: (types(entry.value.inputs), types(entry.value.outputs))
            for entry in signatures.signatures
            if not entry.key.startswith('__')
        }

    def predict(
        self, signature: str, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, Any]
    ) -> dict[str, np.ndarray]:
        """Return the outputs of a signature as `{name: array}`.

        Args:
            signature: its name.
            inputs: `{name: array}` in the types of the signature.
            outputs: not used; the REST client has this argument, too.
        """
        del outputs
        request: Any = _message('PredictRequest')(model={'signature_name': signature})
        for name, array in inputs.items():
            tensor = request.inputs.add(key=name).value
            tensor.dtype = next(
                number for number, (_, dtype, _) in TYPES.items() if dtype == array.dtype
            )
            for size in array.shape:
                tensor.shape.dims.add(size=size)
            if array.dtype == np.object_:
                tensor.string_val.extend(array.ravel().tolist())
            else:
                tensor.content = np.ascontiguousarray(array).tobytes()
        answer: Any = self._call('Predict', request, 'PredictResponse')
        return {entry.key: _array(entry.value) for entry in answer.outputs}

    def _call(self, method, request, answer):
        request.model.name = self._model_name
        call = self._channel.unary_unary(
            f'/tensorflow.serving.PredictionService/{method}',
            type(request).SerializeToString,
            _message(answer).FromString,
        )
        try:
            return call(request, timeout=self._timeout)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                raise self._error_type(f'The server cannot be reached at {self._address}') from None
            raise self._error_type(
                f'The server answers {error.code().name}: {error.details()}'
            ) from None


def _array(tensor):
    _, dtype, field = TYPES[tensor.dtype]
    shape = [dim.size for dim in tensor.shape.dims]
    # The server chooses whether values are in the field of their type or bytes.
    values = (
        np.frombuffer(tensor.content, dtype)
        if tensor.content
        else np.array(list(getattr(tensor, field)), dtype)
    )
    if values.size == 1:
        # A value that all elements share may be sent once.
        values = np.repeat(values, int(np.prod(shape)))
    return values.reshape(shape)


@functools.cache
def _message(name):
    """Return the class of a message.

    A map of TensorFlow's messages is a list of entries here; the encoding is the same.
    """
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f'wolf.{name}'))


@functools.cache
def _pool():
    # Numbers and types of the fields that are used. Other fields of a received message are skipped.
    fields = {
        'Model': 'name 1 string, signature_name 3 string',
        'Dim': 'size 1 int64',
        'Shape': 'dims 2 Dim*',
        'Tensor': 'dtype 1 int32, shape 2 Shape, content 4 bytes, float_val 5 float*, '
        'int_val 7 int32*, string_val 8 bytes*, int64_val 10 int64*, bool_val 11 bool*',
        'NamedTensor': 'key 1 string, value 2 Tensor',
        'PredictRequest': 'model 1 Model, inputs 2 NamedTensor*',
        'PredictResponse': 'outputs 1 NamedTensor*',
        'TensorInfo': 'dtype 2 int32, shape 3 Shape',
        'NamedTensorInfo': 'key 1 string, value 2 TensorInfo',
        'Signature': 'inputs 1 NamedTensorInfo*, outputs 2 NamedTensorInfo*',
        'NamedSignature': 'key 1 string, value 2 Signature',
        'SignatureMap': 'signatures 1 NamedSignature*',
        'Any': 'value 2 bytes',
        'NamedAny': 'key 1 string, value 2 Any',
        'MetadataRequest': 'model 1 Model, metadata_field 2 string*',
        'MetadataResponse': 'metadata 2 NamedAny*',
    }
    file = descriptor_pb2.FileDescriptorProto(name='wolf.proto', package='wolf', syntax='proto3')
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, declared in fields.items():
        added = file.message_type.add(name=message)
        for field in declared.split(', '):
            name, number, kind = field.split()
            label = kinds.LABEL_REPEATED if kind.endswith('*') else kinds.LABEL_OPTIONAL
            kind = kind.rstrip('*')
            is_message = kind in fields
            added.field.add(
                name=name,
                number=int(number),
                label=label,
                type_name=f'.wolf.{kind}' if is_message else None,
                type=kinds.TYPE_MESSAGE if is_message else getattr(kinds, f'TYPE_{kind.upper()}'),
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool
