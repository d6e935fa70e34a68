"""Requests to a server: JSON with `requests`, and TensorFlow Serving's own messages."""

import base64
import json

import grpc
import numpy as np
import requests
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc


def as_json(array):
    """Return an array as lists for JSON; bytes as base64."""
    if array.dtype != np.object_:
        return array.tolist()
    return [{'b64': base64.b64encode(value).decode()} for value in array]


def from_json(value, info):
    """Return the JSON of an output as an array of the type that its signature declares."""
    if info.dtype == np.object_:
        return np.array([base64.b64decode(item['b64']) for item in value], np.object_)
    return np.array(value, info.dtype)


def post(url, signature, body, model='wolf', session=requests):
    """Send a body, an object or text, to `:predict`; return (status, answer)."""
    text = (
        body
        if isinstance(body, (str, bytes))
        else json.dumps({'signature_name': signature, **body})
    )
    response = session.post(f'{url}/v1/models/{model}:predict', data=text, timeout=60)
    return response.status_code, response.json()


def predict_columns(url, signature, inputs, outputs, session=requests):
    """Return the outputs of a signature, `{name: array}`, with the request format 'inputs'.

    `outputs` is `{name: TensorInfo}`.
    """
    status, answer = post(
        url,
        signature,
        {'inputs': {name: as_json(array) for name, array in inputs.items()}},
        session=session,
    )
    assert status == 200, answer
    named = answer['outputs'] if len(outputs) > 1 else dict.fromkeys(outputs, answer['outputs'])
    return {name: from_json(named[name], info) for name, info in outputs.items()}


def predict_rows(url, signature, inputs, outputs):
    """Return the outputs of a signature with the request format 'instances'."""
    columns = {name: as_json(array) for name, array in inputs.items()}
    status, answer = post(
        url, signature, {'instances': [dict(zip(columns, row)) for row in zip(*columns.values())]}
    )
    assert status == 200, answer
    rows = answer['predictions']
    return {
        name: from_json([row[name] for row in rows] if len(outputs) > 1 else rows, info)
        for name, info in outputs.items()
    }


def predict_grpc(address, signature, inputs, outputs=None, model='wolf'):
    """Return the outputs of a signature over gRPC; raises `grpc.RpcError`."""
    del outputs
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, array in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    with grpc.insecure_channel(address) as channel:
        answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(
            request, timeout=60
        )
    return {name: tf.make_ndarray(tensor) for name, tensor in answer.outputs.items()}


def metadata_grpc(address, model='wolf'):
    """Return the map of `SignatureDef` of the server's metadata."""
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=['signature_def'])
    request.model_spec.name = model
    with grpc.insecure_channel(address) as channel:
        answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).GetModelMetadata(
            request, timeout=60
        )
    signatures = get_model_metadata_pb2.SignatureDefMap()
    answer.metadata['signature_def'].Unpack(signatures)
    return signatures.signature_def
