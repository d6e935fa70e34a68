"""Warm-up requests, which a server answers when it loads a model, and examples of requests."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

# Generated modules, whose classes pyright does not see.
ModelSpec = model_pb2.ModelSpec  # pyright: ignore[reportAttributeAccessIssue]
PredictRequest = predict_pb2.PredictRequest  # pyright: ignore[reportAttributeAccessIssue]
PredictLog = prediction_log_pb2.PredictLog  # pyright: ignore[reportAttributeAccessIssue]
PredictionLog = prediction_log_pb2.PredictionLog  # pyright: ignore[reportAttributeAccessIssue]
# The path is TensorFlow Serving's.
WARMUP = os.path.join('assets.extra', 'tf_serving_warmup_requests')
EXAMPLES = 'examples'


def write_warmup(
    folder: str, examples: Mapping[str, Mapping[str, np.ndarray]], model_name: str
) -> None:
    """Write a warm-up request for every signature into the folder of a SavedModel.

    Without them, the first request of each signature waits until its graph is optimized.

    Args:
        folder: folder of the SavedModel.
        examples: `{signature: {input: array}}`.
        model_name: name of the model on the server.
    """
    path = os.path.join(folder, WARMUP)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with tf.io.TFRecordWriter(path) as writer:
        for name, inputs in examples.items():
            request = PredictRequest(
                model_spec=ModelSpec(name=model_name, signature_name=name),
                inputs={key: tf.make_tensor_proto(array) for key, array in inputs.items()},
            )
            log = PredictionLog(predict_log=PredictLog(request=request))
            writer.write(log.SerializeToString())


def write_examples(folder: str, examples: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Write `examples/<signature>.json`, the body of a REST request, for every signature.

    Requests are sent to `http://HOST:PORT/v1/models/NAME:predict`.
    """
    os.makedirs(os.path.join(folder, EXAMPLES), exist_ok=True)
    for name, inputs in examples.items():
        with open(os.path.join(folder, EXAMPLES, f'{name}.json'), 'w', encoding='utf-8') as file:
            json.dump(
                {
                    'signature_name': name,
                    'inputs': {key: _as_json(array) for key, array in inputs.items()},
                },
                file,
            )


def read_example(folder: str, signature: str) -> dict[str, Any]:
    """Return the inputs of an example request, `{input: value}`: nested lists, or bytes."""

    def restored(value):
        if isinstance(value, dict):
            return base64.b64decode(value['b64'])
        return [restored(part) for part in value] if isinstance(value, list) else value

    with open(os.path.join(folder, EXAMPLES, f'{signature}.json'), encoding='utf-8') as file:
        return {key: restored(value) for key, value in json.load(file)['inputs'].items()}


def _as_json(array):
    if array.dtype == np.object_:
        return [{'b64': base64.b64encode(content).decode()} for content in array]
    # As text, a float32 has only the digits that distinguish it from its neighbors.
    return (array.astype(str).astype(np.float64) if array.dtype == np.float32 else array).tolist()
