"""A served model: equal answers over every interface, errors that name input and rule, no crash."""

import concurrent.futures
import threading
import time

import grpc
import numpy as np
import pytest
import requests

from support.serving_calls import (
    as_json,
    metadata_grpc,
    post,
    predict_columns,
    predict_grpc,
    predict_rows,
)
from support.serving_process import as_files, good_inputs, resident_bytes
from support.small_models import random_images
from tfwolf.serving.c_api import Servable, ServableError

SIGNATURES = (
    'encode',
    'decode',
    'sample',
    'bits_per_dim',
    'likelihood_map',
    'reconstruct',
    'interpolate',
    'switch',
    'encode_png',
    'decode_png',
    'sample_png',
    'serving_default',
)


def assert_same(found, wanted):
    assert set(found) == set(wanted)
    for name, array in wanted.items():
        assert found[name].shape == array.shape, name
        if array.dtype == np.float32:
            np.testing.assert_allclose(found[name], array, rtol=1e-5, atol=1e-5, err_msg=name)
        else:
            np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize('signature', SIGNATURES)
def test_every_interface_agrees_with_the_model(server, signature):
    declared = server.servable.signatures[signature]
    inputs = good_inputs(declared.inputs, count=3)
    wanted = server.servable(signature, inputs)
    for ask, where in (
        (predict_columns, server.url),
        (predict_rows, server.url),
        (predict_grpc, server.address),
    ):
        assert_same(ask(where, signature, inputs, declared.outputs), wanted)


def test_metadata_has_the_signatures_of_the_model(server):
    assert set(server.servable.signatures) == set(SIGNATURES)
    metadata = requests.get(f'{server.url}/v1/models/wolf/metadata', timeout=60).json()
    assert metadata['model_spec'] == {'name': 'wolf', 'signature_name': '', 'version': '1'}
    images = metadata['metadata']['signature_def']['signature_def']['encode']['inputs']['images']
    assert images['dtype'] == 'DT_UINT8'
    assert images['tensor_shape'] == {
        'dim': [{'size': size, 'name': ''} for size in ('-1', '8', '8', '3')],
        'unknown_rank': False,
    }
    assert set(SIGNATURES) <= set(metadata_grpc(server.address))
    assert (
        requests.get(f'{server.url}/v1/models/wolf', timeout=60).json()['model_version_status'][0][
            'state'
        ]
        == 'AVAILABLE'
    )


def test_a_single_input_and_a_version_need_no_names(server):
    images = random_images(2)
    wanted = server.servable('bits_per_dim', {'images': images})['bits_per_dim']
    for body, key in (
        ({'inputs': images.tolist()}, 'outputs'),
        ({'instances': images.tolist()}, 'predictions'),
    ):
        status, answer = post(server.url, 'bits_per_dim', body, model='wolf/versions/1')
        assert status == 200
        np.testing.assert_allclose(answer[key], wanted, rtol=1e-5)


def with_nan(v):
    v = v.copy()
    v[1, 2, 3, 0] = np.nan
    return v


# Signature, input, change of the input, and part of the error message.
BAD_VALUES = {
    'another size': (
        'encode',
        'images',
        lambda x: np.zeros((2, 8, 10, 3), np.uint8),
        '`images` must be uint8 [batch, 8, 8, 3]',
    ),
    'another number of channels': (
        'switch',
        'images_b',
        lambda x: x[..., :1],
        '`images_b` must be uint8 [batch, 8, 8, 3]',
    ),
    'another rank': (
        'bits_per_dim',
        'images',
        lambda x: x[0],
        '`images` must be uint8 [batch, 8, 8, 3]',
    ),
    'no image': ('encode', 'images', lambda x: x[:0], 'with at least one image'),
    'no row': (
        'decode',
        'v',
        lambda x: x[:0],
        '`v` must be float32 [batch, 8, 8, 3] with at least one row',
    ),
    'fewer rows': ('decode', 'z', lambda x: x[:1], 'must have as many rows as'),
    'NaN': ('decode', 'v', with_nan, '`v` must be finite; 1 of 384 values are not'),
    'infinity': ('decode_png', 'z', lambda x: x * np.inf, '`z` must be finite'),
    'a negative temperature': (
        'sample',
        'temperature_v',
        lambda x: -x - 1,
        '`temperature_v` must be finite and at least 0',
    ),
    'a cut file': (
        'encode_png',
        'image_bytes',
        lambda x: np.array([file[:60] for file in x], np.object_),
        '`image_bytes` must be intact',
    ),
    'another file': (
        'encode_png',
        'image_bytes',
        lambda x: np.array([b'GIF89a', b''], np.object_),
        '`image_bytes` must be PNG or JPEG',
    ),
    'a file of another size': (
        'encode_png',
        'image_bytes',
        lambda x: as_files(random_images(2, shape=(8, 10, 3))),
        '`image_bytes` must be images of 8 x 8 pixels',
    ),
    'another type': ('encode', 'images', lambda x: x / np.float32(2), ('`images`', 'uint8')),
    'no number': ('decode', 'v', lambda x: np.array([b'0', b'1'], np.object_), ('`v`', 'float32')),
}


@pytest.mark.parametrize('what', BAD_VALUES)
def test_error_of_an_invalid_value_names_input_and_rule(server, what):
    signature, name, spoil, phrases = BAD_VALUES[what]
    inputs = good_inputs(server.servable.signatures[signature].inputs, count=2)
    inputs[name] = spoil(inputs[name])
    status, answer = post(
        server.url, signature, {'inputs': {key: as_json(array) for key, array in inputs.items()}}
    )
    with pytest.raises(grpc.RpcError) as refused:
        predict_grpc(server.address, signature, inputs)
    assert status == 400 and refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    for message in (answer['error'], refused.value.details()):
        for phrase in (phrases,) if isinstance(phrases, str) else phrases:
            assert phrase in message
        assert '{{node' not in message
    assert_alive(server)


@pytest.mark.parametrize(
    'body, phrase',
    [
        ('{"inputs": [1, 2', 'JSON Parse error'),
        ('', 'The document is empty'),
        ('[1]', 'Is not object'),
        ('[' * 200_000, 'JSON Parse error'),
        ({'inputs': {'z': [[0.0] * 4]}}, 'Missing named input: v'),
        ({'inputs': [1]}, 'expecting an object'),
        ({}, "Missing 'inputs'"),
        ({'instances': []}, "'instances'"),
        ({'instances': [{'z': [0.0] * 4}]}, 'keys must be equal to: v,z'),
        (
            {'inputs': {'z': [[0.0, 'a', 0.0, 0.0]], 'v': [0.0]}},
            '`z`: JSON Value: "a" Type: String is not of expected type: float32',
        ),
        (
            {'inputs': {'z': [[0.0] * 4, [0.0] * 3], 'v': [0.0]}},
            '`z`: Encountered list at unexpected size: 3 at level: 1 expected size: 4',
        ),
    ],
)
def test_invalid_bodies_are_refused(server, body, phrase):
    status, answer = post(server.url, 'decode', body)
    assert status == 400 and phrase in answer['error']
    assert_alive(server)


@pytest.mark.parametrize('value', [256, -1, 0.5, True, None, '1'])
def test_pixels_must_be_integers_from_0_to_255(server, value):
    images = random_images(1).tolist()
    images[0][7][7][2] = value
    status, answer = post(server.url, 'encode', {'inputs': {'images': images}})
    assert (
        status == 400
        and 'is not of expected type: uint8' in answer['error']
        and '`images`' in answer['error']
    )


def test_unknown_models_versions_signatures_and_inputs(server):
    images = {'images': random_images(1)}
    body = {'inputs': {'images': as_json(images['images'])}}
    status, answer = post(server.url, 'encode', body, model='bear')
    assert (status, answer['error']) == (404, 'Servable not found for request: Latest(bear)')
    assert post(server.url, 'encode', body, model='wolf/versions/7')[0] == 404
    status, answer = post(server.url, 'growl', body)
    assert (status, answer['error']) == (
        400,
        'Serving signature name: "growl" not found in signature def',
    )
    for signature, model, code in (
        ('encode', 'bear', 'NOT_FOUND'),
        ('growl', 'wolf', 'FAILED_PRECONDITION'),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            predict_grpc(server.address, signature, images, model=model)
        assert refused.value.code().name == code
    with pytest.raises(grpc.RpcError, match='Missing but required: {z}'):
        predict_grpc(server.address, 'decode', {'v': np.zeros((1, 8, 8, 3), np.float32)})
    assert_alive(server)


def test_large_bodies_are_refused_unread(server):
    answer = requests.post(
        f'{server.url}/v1/models/wolf:predict',
        data=b'',
        headers={'Content-Length': str(2**31)},
        timeout=60,
    )
    assert answer.status_code == 413 and 'at most' in answer.json()['error']
    assert_alive(server)


def test_shapes_are_checked_by_caller_or_model(server):
    wrong = {'images': np.zeros((1, 8, 10, 3), np.uint8)}
    with pytest.raises(
        ServableError, match=r'`images` must have the shape \[any, 8, 8, 3\]; got \[1, 8, 10, 3\]'
    ):
        server.servable('encode', wrong)
    with pytest.raises(
        ServableError,
        match=r'`images` must be uint8 \[batch, 8, 8, 3\] with at least one image; got .*\[1 8 10 '
        r'3\]',
    ):
        Servable(server.folder / '1', check_shapes=False)('encode', wrong)


def test_500_valid_and_invalid_requests(server):
    good, bad = {}, {}
    for signature in SIGNATURES:
        inputs = good_inputs(server.servable.signatures[signature].inputs, count=2, seed=5)
        good[signature] = inputs, server.servable(signature, inputs)
    for what, (signature, name, spoil, phrases) in BAD_VALUES.items():
        bad[what] = (
            signature,
            {**good[signature][0], name: spoil(good[signature][0][name])},
            phrases,
        )
    own = threading.local()

    def ask(index):
        own.session = getattr(own, 'session', None) or requests.Session()
        by_grpc = index % 5 == 0
        if index % 3:
            signature = SIGNATURES[index % len(SIGNATURES)]
            inputs, wanted = good[signature]
            outputs = server.servable.signatures[signature].outputs
            found = (
                predict_grpc(server.address, signature, inputs)
                if by_grpc
                else predict_columns(server.url, signature, inputs, outputs, own.session)
            )
            return assert_same(found, wanted)
        signature, inputs, phrases = bad[[*bad][index % len(bad)]]
        if by_grpc:
            with pytest.raises(grpc.RpcError) as refused:
                predict_grpc(server.address, signature, inputs)
            message = refused.value.details()
        else:
            body = {'inputs': {key: as_json(array) for key, array in inputs.items()}}
            status, answer = post(server.url, signature, body, session=own.session)
            assert status == 400
            message = answer['error']
        assert all(
            phrase in message for phrase in ((phrases,) if isinstance(phrases, str) else phrases)
        )

    for signature, (inputs, _) in good.items():
        predict_grpc(server.address, signature, inputs)
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(100)))
        after_100, start = resident_bytes(server.process), time.monotonic()
        list(threads.map(ask, range(100, 500)))
        after_500, seconds = resident_bytes(server.process), time.monotonic() - start
    print(
        f'{400 / seconds:.0f} requests/s; resident {after_100 / 2**20:.1f} MiB after 100, '
        f'{after_500 / 2**20:.1f} MiB after 500'
    )
    assert after_500 < 1.05 * after_100
    assert_alive(server)


def assert_alive(server):
    assert server.process.poll() is None
    images = random_images(1)
    assert post(server.url, 'reconstruct', {'inputs': {'images': as_json(images)}}) == (
        200,
        {'outputs': images.tolist()},
    )
