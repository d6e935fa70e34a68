"""The explorer's command with real models, with TensorFlow Serving's REST API, and its errors."""

import base64
import concurrent.futures
import functools
import http.server
import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from support.small_explorer import (
    SAMPLE,
    SHAPE,
    Blend,
    as_image,
    as_text,
    ask,
    of_seed,
    write_small_export,
)
from support.small_models import random_images, small_flow_alone, small_wolf
from tfwolf.bijectors.transforms import BoundedAffine
from tfwolf.explorer.actions import Actions
from tfwolf.explorer.description import Details, describe
from tfwolf.explorer.export_folder import read_details
from tfwolf.explorer.refusal import Refusal, Unavailable
from tfwolf.explorer.rest_servable import RestServable
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.models.initialization import initialize
from tfwolf.models.label_latents import ClassLatent
from tfwolf.models.wolf import Wolf
from tfwolf.serving.c_api import Servable, ServableError
from tfwolf.serving.signature_defs import Signature, TensorInfo
from tfwolf.serving.versions import find_version

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_highest_version_is_used(tmp_path):
    for name in ('2', '10', '9', 'notes', '1e9', '11'):
        (tmp_path / name).mkdir()
        if name != '11':
            (tmp_path / name / 'saved_model.pb').touch()
    assert find_version(str(tmp_path)) == str(tmp_path / '10')
    assert find_version(str(tmp_path / '9')) == str(tmp_path / '9')
    assert read_details(str(tmp_path / '9')) == Details()
    described = {'num_bits': 5, 'num_classes': 2}
    (tmp_path / '9' / 'signatures.json').write_text(json.dumps(described))
    assert read_details(str(tmp_path / '9')) == Details(5, 2), 'of an earlier version'
    described['classes'] = ['cat', 'dog']
    (tmp_path / '9' / 'signatures.json').write_text(json.dumps(described))
    assert read_details(str(tmp_path / '9')).classes == ['cat', 'dog']
    (tmp_path / '9' / 'signatures.json').write_text('{}')
    with pytest.raises(ValueError, match='cannot be read'):
        read_details(str(tmp_path / '9'))


@pytest.fixture(scope='session')
def export(tmp_path_factory):
    """Return the folder of a small exported model with z."""
    return write_small_export(small_wolf(images=random_images(32)), tmp_path_factory.mktemp('wolf'))


def start(*arguments):
    """Start the command; return the process and its port."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'tfwolf.explore', '--port=0', *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if found := re.search(r'http://127\.0\.0\.1:(\d+)/', line):
            return process, int(found[1])
    raise AssertionError(process.communicate()[1])


def test_command_answers_with_constant_memory(export):
    process, port = start(f'--export={export}')
    try:
        a, b = random_images(2, seed=3)
        servable = Servable(str(export / '1'))
        inputs = {
            'images_a': a[None],
            'images_b': b[None],
            'alphas': np.array([[0, 1]], np.float32),
            'betas': np.array([[0, 0.5]], np.float32),
        }
        wanted = servable('interpolate', inputs)['images'][0]
        request = {'a': as_text(a), 'b': as_text(b), 'alphas': [0, 1], 'betas': [0, 0.5]}
        resident = {}

        def one(number):
            if number % 5 == 4:
                return ask(port, 'POST', '/api/upload', b'not an image')[0] == 415
            if number % 5 == 3:
                return (
                    len(ask(port, 'POST', '/api/sample', {**SAMPLE, 'seed': number})[2]['images'])
                    == 2
                )
            if number % 5 == 2:
                return (
                    ask(port, 'POST', '/api/bits_per_dim', {'image': request['a']})[2][
                        'bits_per_dim'
                    ]
                    > 0
                )
            images = ask(port, 'POST', '/api/interpolate', request)[2]['images']
            return np.array_equal([[as_image(text) for text in row] for row in images], wanted)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for first in range(0, 500, 100):
                assert all(pool.map(one, range(first, first + 100)))
                with open(f'/proc/{process.pid}/statm', encoding='utf-8') as file:
                    resident[first + 100] = int(file.read().split()[1])
        assert abs(resident[500] / resident[100] - 1) < 0.05, resident
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, '')


def actions_of(model, folder, classes=None):
    """Return the `Actions` of a model exported to a folder."""
    version = find_version(str(write_small_export(model, folder, classes)))
    servable = Servable(version)
    return Actions(servable, describe(servable.signatures, read_details(version)), 'a model')


def test_a_model_without_z(tmp_path):
    model = small_flow_alone('glow')
    initialize(model, random_images(16), 0)
    actions = actions_of(model, tmp_path, ('cat', 'dog', 'frog'))
    actions.warm_up()
    described = actions.model()
    assert described['classes'] is None, 'the model takes no class'
    assert (
        (described['latent_dim'], described['num_bits']) == (0, 8)
        and not described['has_temperature_z']
        and not described['is_labelled']
    )
    a, b = random_images(2)
    images = actions.interpolate({'a': as_text(a), 'b': as_text(b), 'betas': [0, 0.3, 1]})['images']
    assert len(images) == 1 and len(images[0]) == 3
    assert np.array_equal(as_image(images[0][0]), a) and np.array_equal(as_image(images[0][2]), b)
    with pytest.raises(Refusal, match="Unknown field 'alphas'"):
        actions.interpolate({'a': as_text(a), 'b': as_text(b), 'betas': [0], 'alphas': [0]})


@pytest.mark.slow
def test_a_model_with_labels(tmp_path):
    flow = functools.partial(
        RefinedGlow, num_steps=[1, [1], 1], hidden_channels=[4, 6, 6], transform=BoundedAffine(1.0)
    )
    model = Wolf(
        (8, 8, 3), 8, flow=flow, latent=functools.partial(ClassLatent, latent_dim=4, num_classes=3)
    )
    initialize(model, random_images(12), 0, labels=np.arange(12) % 3)
    actions = actions_of(model, tmp_path)
    actions.warm_up()
    described = actions.model()
    assert (
        (described['latent_dim'], described['num_classes']) == (4, 3)
        and described['is_labelled']
        and not described['has_temperature_z']
    )
    assert (
        len(actions.sample({'count': 2, 'seed': 0, 'temperature_v': 1, 'label': 2})['images']) == 2
    )
    a, b = map(as_text, random_images(2))
    assert actions.bits_per_dim({'image': a, 'label': 1})['bits_per_dim'] > 0
    images = actions.interpolate(
        {'a': a, 'b': b, 'label_a': 0, 'label_b': 2, 'alphas': [0, 1], 'betas': [0, 1]}
    )['images']
    assert np.array_equal(as_image(images[1][1]), as_image(b))
    with pytest.raises(Refusal, match='`label` must be an integer from 0 to 2'):
        actions.bits_per_dim({'image': a, 'label': 3})


@pytest.mark.parametrize(
    'arguments, message',
    [
        ([], '--export'),
        (['--export=nowhere'], "folder 'nowhere' (--export) does not exist"),
        (['--export=gin'], 'saved_model.pb'),
        (['--export=gin', '--server=http://localhost:1'], 'one of'),
        (['--server=http://localhost:port'], 'does not answer'),
        (['--server=localhost:8501'], '--server must be'),
        (['--server=http://127.0.0.1:9'], 'does not answer'),
        (['--port=70000'], '--port'),
        (['--nonsense'], 'nonsense'),
        (['exported'], 'exported contains no run of tfwolf'),
        (['--server=http://localhost:1', '--model_name=a/b'], '--model_name'),
    ],
)
def test_errors_of_the_command(arguments, message):
    done = subprocess.run(
        [sys.executable, '-m', 'tfwolf.explore', *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2 and message in done.stderr and 'Traceback' not in done.stderr, (
        done.stderr
    )


def test_damaged_model_and_port_in_use(tmp_path, export):
    (tmp_path / 'saved_model.pb').write_bytes(b'no model')
    for arguments, message in (
        ([f'--export={tmp_path}'], 'cannot be loaded'),
        ([f'--export={export}', '--port=PORT'], 'Cannot listen on 127.0.0.1, port'),
    ):
        with socket.create_server(('127.0.0.1', 0)) as busy:
            arguments = [
                argument.replace('PORT', str(busy.getsockname()[1])) for argument in arguments
            ]
            done = subprocess.run(
                [sys.executable, '-m', 'tfwolf.explore', *arguments],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=60,
            )
        assert done.returncode == 2 and message in done.stderr and 'Traceback' not in done.stderr, (
            done.stderr
        )


def test_command_does_not_import_tensorflow():
    code = (
        'import sys, tfwolf.explore; '
        'print([name for name in ("tensorflow", "keras", "gin") if name in sys.modules])'
    )
    assert (
        subprocess.run(
            [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, timeout=60
        ).stdout.strip()
        == '[]'
    )


class Serving(http.server.BaseHTTPRequestHandler):
    """Stand-in for TensorFlow Serving's REST API, with the stand-in for a model."""

    signatures = {
        **Blend.signatures,
        'files': Signature(
            {'image_bytes': TensorInfo(np.object_, (None,), None)},
            {
                'png_bytes': TensorInfo(np.object_, (None,), None),
                'size': TensorInfo(np.int64, (None,), None),
            },
        ),
    }

    def do_GET(self):
        def dtype(info):
            return (
                'DT_STRING'
                if info.dtype == np.object_
                else types_pb2.DataType.Name(tf.as_dtype(info.dtype).as_datatype_enum)
            )

        def described(tensors):
            return {
                name: {
                    'dtype': dtype(info),
                    'name': f'{name}:0',
                    'tensor_shape': {
                        'dim': [
                            {'size': str(-1 if size is None else size), 'name': ''}
                            for size in info.shape
                        ],
                        'unknown_rank': False,
                    },
                }
                for name, info in tensors.items()
            }

        found = {
            name: {
                'inputs': described(signature.inputs),
                'outputs': described(signature.outputs),
                'method_name': 'tensorflow/serving/predict',
            }
            for name, signature in self.signatures.items()
        }
        if self.path == '/v1/models/wolf/metadata':
            self.answer(
                200,
                {
                    'model_spec': {'name': 'wolf'},
                    'metadata': {'signature_def': {'signature_def': found}},
                },
            )
        else:
            self.answer(404, {'error': 'Could not find any versions of model other'})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        name, inputs = request['signature_name'], request['inputs']
        if name == 'files':
            files = [base64.b64decode(item['b64']) for item in inputs['image_bytes']]
            self.answer(
                200,
                {
                    'outputs': {
                        'png_bytes': [{'b64': base64.b64encode(file).decode()} for file in files],
                        'size': [*map(len, files)],
                    }
                },
            )
        elif name == 'sample' and inputs['seeds'][0][0] == 7:
            self.answer(
                400, {'error': 'assertion failed: [`temperature_v` must be warmer.] [[{{node x}}]]'}
            )
        elif name == 'sample' and inputs['seeds'][0][0] == 8:
            self.answer(503, {'error': 'loading'})
        else:
            outputs = Blend()(
                name,
                {
                    key: np.asarray(inputs[key], info.dtype)
                    for key, info in self.signatures[name].inputs.items()
                },
            )
            self.answer(200, {'outputs': next(iter(outputs.values())).tolist()})

    def answer(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format, *args):
        pass


@pytest.fixture(scope='module')
def serving():
    """Return the address of a stand-in for TensorFlow Serving."""
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Serving)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f'http://127.0.0.1:{server.server_address[1]}'
    server.shutdown()
    server.server_close()
    thread.join()


def test_model_of_the_rest_api(serving):
    servable = RestServable(serving)
    assert servable.signatures == Serving.signatures
    actions = Actions(servable, describe(servable.signatures), 'served')
    np.testing.assert_array_equal(as_image(actions.sample(SAMPLE)['images'][1]), of_seed(5, 1))
    image = of_seed(0, 0)
    assert actions.bits_per_dim({'image': as_text(image)})['bits_per_dim'] == pytest.approx(
        image.mean() / 32, rel=1e-6
    )
    images = actions.interpolate(
        {'a': as_text(image), 'b': as_text(image), 'alphas': [0, 1], 'betas': [0, 0.5, 1]}
    )['images']
    assert len(images) == 2 and all(
        np.array_equal(as_image(text), image) for row in images for text in row
    )
    files = np.empty(2, np.object_)
    files[:] = [b'one', b'\x00\xff']
    answer = servable('files', {'image_bytes': files})
    assert list(answer['png_bytes']) == list(files) and list(answer['size']) == [3, 2]


def test_errors_of_the_rest_api(serving):
    servable = RestServable(serving)
    actions = Actions(servable, describe(servable.signatures), 'served')
    with pytest.raises(ServableError, match=r'^`temperature_v` must be warmer\.$'):
        actions.sample({**SAMPLE, 'seed': 7})
    with pytest.raises(Unavailable, match='loading'):
        actions.sample({**SAMPLE, 'seed': 8})
    with pytest.raises(ServableError, match='no signature'):
        servable('nothing', {})
    with pytest.raises(ValueError, match="does not serve a model 'other'"):
        RestServable(serving, 'other')
    with (
        socket.create_server(('127.0.0.1', 0)) as silent,
        pytest.raises(Unavailable, match='does not answer'),
    ):
        RestServable(f'http://127.0.0.1:{silent.getsockname()[1]}', timeout=0.2)


def test_server_that_is_not_http():
    with socket.create_server(('127.0.0.1', 0)) as other:

        def greet():
            with other.accept()[0] as connection:
                connection.recv(1000)
                connection.sendall(b'220 mail.example ESMTP\r\n')

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(Unavailable, match='does not answer'):
            RestServable(f'http://127.0.0.1:{other.getsockname()[1]}')
        thread.join()


def test_command_with_a_server(serving):
    process, port = start(f'--server={serving}')
    try:
        assert ask(port, 'GET', '/api/model')[2]['image_shape'] == list(SHAPE)
        assert len(ask(port, 'POST', '/api/sample', SAMPLE)[2]['images']) == 2
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, '')
