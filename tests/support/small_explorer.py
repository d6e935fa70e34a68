"""Shared by tests of the explorer: a stand-in for a model, requests, and a tiny exported model."""

import base64
import http.client
import io
import json

import numpy as np
from PIL import Image

from support.bijector_checks import move_weights
from tfwolf.core.freeze import freeze
from tfwolf.core.variables import as_tensorflow, named_variables
from tfwolf.explorer.refusal import Unavailable
from tfwolf.serving.c_api import ServableError
from tfwolf.serving.saved_model import describe, write_saved_model
from tfwolf.serving.signature_defs import Signature, TensorInfo
from tfwolf.serving.signatures import Signatures

SHAPE = (4, 6, 3)


def infos(**shapes):
    return {name: TensorInfo(dtype, shape, None) for name, (dtype, shape) in shapes.items()}


class Blend:
    """Stand-in for a `Servable` that mixes pixels where a model would mix z and v."""

    image = (np.uint8, (None, *SHAPE))
    signatures = {
        'sample': Signature(
            infos(
                seeds=(np.int64, (None, 2)),
                temperature_v=(np.float32, (None,)),
                temperature_z=(np.float32, (None,)),
            ),
            infos(images=image),
        ),
        'encode': Signature(
            infos(images=image), infos(v=(np.float32, (None, *SHAPE)), z=(np.float32, (None, 5)))
        ),
        'interpolate': Signature(
            infos(
                images_a=image,
                images_b=image,
                alphas=(np.float32, (None, None)),
                betas=(np.float32, (None, None)),
            ),
            infos(images=(np.uint8, (None, None, None, *SHAPE))),
        ),
        'bits_per_dim': Signature(infos(images=image), infos(bits_per_dim=(np.float32, (None,)))),
    }

    def __call__(self, name, inputs):
        wanted = {key: info.dtype for key, info in self.signatures[name].inputs.items()}
        assert {key: value.dtype for key, value in inputs.items()} == wanted
        if name == 'sample':
            seed = inputs['seeds'][0, 0]
            if seed in FAILURES:
                raise FAILURES[seed]
            return {'images': np.stack([of_seed(*row) for row in inputs['seeds']])}
        if name == 'bits_per_dim':
            images = inputs['images'].astype(np.float32)
            return {
                'bits_per_dim': images.mean((1, 2, 3)) / 32 + (np.inf if images.max() == 255 else 0)
            }
        a, b = inputs['images_a'][:, None, None], inputs['images_b'][:, None, None]
        return {
            'images': blend(
                a,
                b,
                inputs['alphas'][:, :, None, None, None, None],
                inputs['betas'][:, None, :, None, None, None],
            )
        }


FAILURES = {
    601: ServableError('`seeds` must be nicer.'),
    602: ServableError('out of memory', code=8),
    603: Unavailable('gone'),
    604: RuntimeError('secret'),
}


def blend(a, b, alpha, beta):
    return np.round(a + (b.astype(np.float32) - a) * (alpha + 2 * beta) / 3).astype(np.uint8)


def of_seed(seed, index):
    return np.random.default_rng([seed, index]).integers(0, 255, SHAPE, np.uint8)


def as_png(image, kind='PNG'):
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind)
    return file.getvalue()


def as_text(image):
    return base64.b64encode(as_png(image)).decode()


def as_image(text):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


A, B = of_seed(1, 2), of_seed(3, 4)
SAMPLE = {'count': 2, 'seed': 5, 'temperature_v': 0.5, 'temperature_z': 1}
PAIR = {'a': as_text(A), 'b': as_text(B), 'alphas': [0.0, 0.25], 'betas': [1.0]}


def ask(port, method, path, body=None, headers=()):
    """Return (status, headers, body) of a request; `body` is bytes, or a dict that becomes JSON."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
    try:
        connection.request(
            method, path, json.dumps(body) if isinstance(body, dict) else body, dict(headers)
        )
        response = connection.getresponse()
        content = response.read()
        return (
            response.status,
            response.headers,
            json.loads(content) if 'json' in response.headers['Content-Type'] else content,
        )
    finally:
        connection.close()


def write_small_export(model, folder, classes=None):
    """Write an initialized `Wolf` as a version to `folder/1`; return `folder`."""
    _let_z_matter(model)
    freeze(model)
    signatures = Signatures(model)
    version = folder / '1'
    version.mkdir(parents=True)
    write_saved_model(signatures, str(version))
    (version / 'signatures.json').write_text(json.dumps(describe(signatures, classes)))
    return folder


def _let_z_matter(model):
    """Move the weights: couplings start as the identity, where z changes no pixel."""
    move_weights(model, 0.05)
    for path, variable in named_variables(model):
        weight = as_tensorflow(variable)
        if path[-1].endswith('condition_kernel'):
            weight.assign(40 * weight)
        elif path[-1].endswith('output_length'):
            weight.assign(weight + 0.1)
