"""TensorFlow Serving's PredictionService for the stand-in server, with its real messages."""

import concurrent.futures

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tfwolf.serving.c_api import ServableError

INVALID_ARGUMENT, FAILED_PRECONDITION = 3, 9
LARGEST_MESSAGE = 64 * 2**20
# Where a server puts the values of its answers.
FIELDS = {
    'float32': 'float_val',
    'uint8': 'int_val',
    'int64': 'int64_val',
    'object': 'string_val',
    'bool': 'bool_val',
}


def grpc_server(model, port):
    """Return (started gRPC server of a `ServedModel`, its port); port 0 is any free port."""
    options = [
        ('grpc.max_receive_message_length', LARGEST_MESSAGE),
        ('grpc.max_send_message_length', -1),
    ]
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), options=options)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Service(model), server)
    port = server.add_insecure_port(f'127.0.0.1:{port}')
    server.start()
    return server, port


class _Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, model):
        self._model = model

    def Predict(self, request, context):
        return _answer(context, lambda: self._predict(request))

    def GetModelMetadata(self, request, context):
        return _answer(context, lambda: self._metadata(request))

    def _metadata(self, request):
        self._check(request)
        for field in request.metadata_field:
            if field != 'signature_def':
                raise ServableError(f'Metadata field {field} is not supported', INVALID_ARGUMENT)
        if not request.metadata_field:
            raise ServableError(
                'GetModelMetadataRequest must specify at least one metadata_field', INVALID_ARGUMENT
            )
        return self._model.metadata()

    def _predict(self, request):
        self._check(request)
        name = request.model_spec.signature_name or 'serving_default'
        if name not in self._model.call.signatures:
            raise ServableError(f'Serving signature key "{name}" not found.', FAILED_PRECONDITION)
        signature = self._model.call.signatures[name]
        sent, wanted = set(request.inputs), set(signature.inputs)
        if sent != wanted:
            raise ServableError(
                f'input size does not match signature: {len(sent)}!={len(wanted)} '
                f'len({{{_list(sent)}}}) != len({{{_list(wanted)}}}). Sent extra: '
                f'{{{_list(sent - wanted)}}}. '
                f'Missing but required: {{{_list(wanted - sent)}}}.'
            )
        for output in request.output_filter:
            if output not in signature.outputs:
                raise ServableError(
                    f'output tensor alias not found in signature: {output} '
                    f'Outputs expected to be in the set {{{_list(signature.outputs)}}}.'
                )
        outputs = self._model.call(
            name, {key: _array(key, tensor) for key, tensor in request.inputs.items()}
        )
        response = predict_pb2.PredictResponse()
        response.model_spec.name = self._model.name
        response.model_spec.version.value = self._model.version
        response.model_spec.signature_name = name
        for key in request.output_filter or outputs:
            tensor = response.outputs[key]
            tensor.dtype = tf.as_dtype(
                tf.string if outputs[key].dtype == np.object_ else outputs[key].dtype
            ).as_datatype_enum
            tensor.tensor_shape.CopyFrom(tf.TensorShape(outputs[key].shape).as_proto())
            getattr(tensor, FIELDS[outputs[key].dtype.name]).extend(outputs[key].ravel().tolist())
        return response

    def _check(self, request):
        if not request.model_spec.name:
            raise ServableError('Missing ModelSpec', INVALID_ARGUMENT)
        self._model.check(
            request.model_spec.name,
            request.model_spec.version.value if request.model_spec.HasField('version') else None,
        )


def _answer(context, compute):
    try:
        return compute()
    except ServableError as error:
        code = next(
            (code for code in grpc.StatusCode if code.value[0] == error.code),
            grpc.StatusCode.UNKNOWN,
        )
        return context.abort(code, str(error))


def _array(name, tensor):
    try:
        return tf.make_ndarray(tensor)
    except (TypeError, ValueError):
        raise ServableError(f'tensor parsing error: {name}') from None


def _list(names):
    return ','.join(sorted(names))
