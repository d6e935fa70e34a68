"""The client as a library and as a command, over REST and gRPC."""

import http.server
import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from support.serving_process import good_inputs
from support.small_models import random_images
from tfwolf.serving import client_command
from tfwolf.serving.client import MAX_BATCH, Client, ServerError

# Options of the command and the corresponding fields of `Server`.
WAYS = {'--url': 'url', '--grpc': 'address'}


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


@pytest.fixture
def client(server, way):
    return Client(getattr(server, WAYS[way]))


@pytest.fixture
def command(server, way, tmp_path):
    """Return a function that runs the copy of client.py next to the export in an empty folder.

    It returns (exit code, stdout, stderr).
    """

    def run(*arguments, at=getattr(server, WAYS[way])):
        # Without the repository on the path: the copy must work by itself.
        environment = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
        done = subprocess.run(
            [sys.executable, str(server.folder / 'client.py'), f'{way}={at}', *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def picture(path):
    return np.asarray(Image.open(path))


def write_pictures(folder, images):
    for index, image in enumerate(images):
        Image.fromarray(image).save(folder / f'{index}.png')


@pytest.mark.slow
def test_every_signature_agrees_with_the_model(client, server):
    for name, declared in server.servable.signatures.items():
        inputs = good_inputs(declared.inputs, count=2)
        wanted, found = server.servable(name, inputs), client.predict(name, inputs)
        for key, array in wanted.items():
            if array.dtype == np.float32:
                np.testing.assert_allclose(found[key], array, rtol=1e-5, atol=1e-5)
            else:
                np.testing.assert_array_equal(found[key], array)


def test_methods(client, server):
    a, b = random_images(2), random_images(2, seed=1)
    code = client.encode(a)
    np.testing.assert_array_equal(client.decode(code['z'], code['v']), a)
    np.testing.assert_array_equal(client.reconstruct(b), b)
    assert set(client.switch(a, b)) == {'z_of_a_v_of_b', 'z_of_b_v_of_a'}
    assert client.bits_per_dim(a).shape == (2,)
    seeds = [(3, 0), (3, 1)]
    inputs = {
        'seeds': np.array(seeds),
        'temperature_v': np.float32([0.5, 0.5]),
        'temperature_z': np.float32([0, 1]),
    }
    np.testing.assert_array_equal(
        client.sample(seeds, 0.5, [0, 1]), server.servable('sample', inputs)['images']
    )


def test_more_rows_than_the_largest_request(client):
    images = random_images(2 * MAX_BATCH + 3)
    np.testing.assert_array_equal(client.reconstruct(images), images)


@pytest.mark.parametrize(
    'signature, inputs, message',
    [
        ('growl', {}, 'The model has no signature growl; available: bits_per_dim, decode'),
        ('encode', {'image': [1]}, 'encode takes the inputs images; got image'),
        ('encode', {'images': [[[[256] * 3] * 8] * 8]}, 'images must be integers from 0 to 255'),
        (
            'encode',
            {'images': np.zeros((1, 8, 8, 3))},
            'images must be integers from 0 to 255; got values of type float64',
        ),
        (
            'encode',
            {'images': np.zeros((1, 8, 10, 3), np.uint8)},
            'images must have the shape [-1, 8, 8, 3]',
        ),
        (
            'encode',
            {'images': np.zeros((0, 8, 8, 3), np.uint8)},
            'images must have the shape [-1, 8, 8, 3]',
        ),
        (
            'decode',
            {'z': np.zeros((2, 4)), 'v': np.zeros((1, 8, 8, 3))},
            'All inputs must have the same number of rows; got',
        ),
        ('decode', {'z': [['a'] * 4], 'v': np.zeros((1, 8, 8, 3))}, 'z must be numbers'),
    ],
)
def test_invalid_inputs_are_not_sent(client, signature, inputs, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        client.predict(signature, inputs)


def test_error_message_of_the_model(client):
    with pytest.raises(
        ServerError, match=re.escape('`v` must be finite; 192 of 192 values are not.')
    ):
        client.decode(np.zeros((1, 4)), np.full((1, 8, 8, 3), np.nan))


def test_command_samples_encodes_and_decodes(command, tmp_path, server):
    code, printed, _ = command(
        'sample', '--num_samples=3', '--seed=1', '--temperature_v=0.7', '--output_dir=samples/'
    )
    assert code == 0 and printed.split() == [f'samples/{index}.png' for index in range(3)]
    wanted = server.servable(
        'sample',
        {
            'seeds': np.array([(1, 0), (1, 1), (1, 2)]),
            'temperature_v': np.full(3, 0.7, np.float32),
            'temperature_z': np.ones(3, np.float32),
        },
    )['images']
    for index in range(3):
        np.testing.assert_array_equal(picture(tmp_path / 'samples' / f'{index}.png'), wanted[index])
    code, printed, _ = command('encode', 'samples/0.png', 'samples/2.png', '--output_dir=codes')
    assert (code, printed) == (0, 'codes/code.npz\n')
    assert command('decode', 'codes/code.npz', '--output_dir=back')[0] == 0
    for found, index in (('0', 0), ('1', 2)):
        np.testing.assert_array_equal(picture(tmp_path / 'back' / f'{found}.png'), wanted[index])


def test_earlier_names_of_options_are_hidden_aliases(command, tmp_path):
    done = command('sample', '--num=2', '--seed=1', '--out=samples')
    assert done[:2] == (0, 'samples/0.png\nsamples/1.png\n'), done
    assert command('encode', 'samples/0.png', '--out=z_and_v.npz')[:2] == (0, 'z_and_v.npz\n')
    assert command('decode', 'z_and_v.npz', '--out=back')[0] == 0
    assert (tmp_path / 'back' / '0.png').exists()
    code, text, _ = command('sample', '--help')
    assert code == 0 and '--num_samples' in text and '--output_dir' in text
    assert '--out ' not in text and '--num ' not in text
    code, _, errors = command('sample')
    assert code == 2 and '--output_dir is required' in errors.replace('one of the arguments ', '')


def test_samples_report_whether_they_are_finite(client):
    found = client.samples([(3, 0), (3, 1)])
    assert found['images'].shape == (2, 8, 8, 3)
    assert found['finite'].dtype == bool and found['finite'].all()


@pytest.mark.parametrize('is_old', [False, True])
def test_command_names_images_that_are_not_finite(tmp_path, capsys, is_old):
    outputs = {'images': random_images(3), 'finite': np.array([True, False, True])}
    if is_old:
        del outputs['finite']

    class Fake:
        def __init__(self, server, model_name):
            assert (server, model_name) == ('http://localhost:8501', 'wolf')

        def samples(self, *arguments):
            return outputs

    assert client_command.main(Fake, ServerError, ['sample', f'--output_dir={tmp_path}']) == 0
    printed = capsys.readouterr()
    assert len(printed.out.split()) == 3
    wanted = '1 of 3 images are not valid, because their values are not finite: 1.png\n'
    assert printed.err == ('' if is_old else f'client.py: warning: {wanted}')


def test_command_on_image_files(command, tmp_path, server):
    images = random_images(2)
    write_pictures(tmp_path, images)
    assert command('switch', '0.png', '1.png', '--output_dir=switched')[0] == 0
    wanted = server.servable('switch', {'images_a': images[:1], 'images_b': images[1:]})
    names = ('z_of_a_v_of_b', 'z_of_b_v_of_a')
    assert sorted(path.stem for path in (tmp_path / 'switched').iterdir()) == [*names]
    for name in names:
        np.testing.assert_array_equal(
            picture(tmp_path / 'switched' / f'{name}.png'), wanted[name][0]
        )
    code, printed, _ = command('bits_per_dim', '0.png', '1.png')
    bits = server.servable('bits_per_dim', {'images': images})['bits_per_dim']
    assert (code, printed) == (0, f'0.png {bits[0]:.4f}\n1.png {bits[1]:.4f}\n')
    code, printed, _ = command('likelihood_map', '0.png', '1.png', '--output_dir=maps')
    assert (code, printed) == (0, 'maps/likelihood_maps.npz\n')
    maps = np.load(tmp_path / printed.strip())
    assert maps['bits_per_pixel'].shape == images.shape[:-1]
    np.testing.assert_allclose(
        maps['bits_per_pixel'].sum(axis=(1, 2)), bits * images[0].size, rtol=1e-4
    )


def test_command_resizes_images_only_with_resize(command, tmp_path):
    Image.fromarray(random_images(1, shape=(16, 20, 3))[0]).save(tmp_path / 'large.png')
    assert_one_line(
        command('bits_per_dim', 'large.png'), 'large.png must have 8 x 8 pixels; got 20 x 16'
    )
    assert command('bits_per_dim', '--resize', 'large.png')[0] == 0


def test_command_errors_have_one_line(command, way, tmp_path):
    write_pictures(tmp_path, random_images(1))
    (tmp_path / 'text.png').write_text('not an image')
    assert_one_line(
        command('--model_name=bear', 'bits_per_dim', '0.png'),
        'Servable not found for request: Latest(bear)',
    )
    nobody = 'http://127.0.0.1:9' if way == '--url' else '127.0.0.1:9'
    assert_one_line(command('bits_per_dim', '0.png', at=nobody), 'The server cannot be reached')
    assert_one_line(command('bits_per_dim', 'absent.png'), 'absent.png')
    assert_one_line(command('bits_per_dim', 'text.png'), 'text.png is not an image')
    assert_one_line(
        command('sample', '--temperature_v=-1', '--output_dir=x'),
        '`temperature_v` must be finite and at least 0',
    )
    assert_one_line(
        command('sample', '--num_samples=0', '--output_dir=x'), '--num_samples must be at least 1'
    )
    assert_one_line(command('decode', 'text.png', '--output_dir=x'), 'pickled')
    (tmp_path / 'cut.npz').write_bytes(b'PK\3\4 and no more')
    assert_one_line(command('decode', 'cut.npz', '--output_dir=x'), 'zip')


def assert_one_line(done, phrase):
    code, _, errors = done
    assert (
        code == 2
        and errors.count('\n') == 1
        and errors.startswith('client.py: ')
        and phrase in errors
    )


def test_copy_imports_neither_tfwolf_nor_tensorflow(server):
    code = (
        'import sys, client, client_command, client_grpc, client_rest; '
        'print(*{"tensorflow", "tfwolf", "tensorflow_serving"} & {*sys.modules})'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=server.folder, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, '\n'), done.stderr


def test_errors_of_other_servers():
    """Messages of TensorFlow itself and answers that are not JSON become one plain line."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.server.answer.encode()
            self.send_response(400)
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):
            del format, args

    other = http.server.HTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    try:
        for other.answer, message in (
            (
                '{"error": "1 root error(s) found.\\n assertion failed: [`v` must be x.]\\n\\t '
                '[[{{node A}}]]"}',
                '`v` must be x.',
            ),
            ('{"error": "key \\\'x\\\'"}', 'key'),
            ('', 'nothing'),
            ('<html>', '<html>'),
        ):
            with pytest.raises(
                ServerError, match='The server answers 400: .*' + re.escape(message)
            ) as error:
                Client(f'http://127.0.0.1:{other.server_address[1]}')
            assert 'node' not in str(error.value)
    finally:
        other.shutdown()
        other.server_close()
