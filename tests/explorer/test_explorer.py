"""The explorer's server: answers, errors, and that no request brings it down."""

import base64
import concurrent.futures
import http.client
import io
import json
import re
import socket
import threading
import time

import numpy as np
import pytest
from PIL import Image

from support.damage import damaged
from support.small_explorer import (
    PAIR,
    SAMPLE,
    SHAPE,
    A,
    B,
    Blend,
    as_image,
    as_png,
    as_text,
    ask,
    blend,
    infos,
    of_seed,
)
from support.small_models import random_images
from tfwolf.core.image_file import ORIENTATION
from tfwolf.explorer import image_files
from tfwolf.explorer.actions import Actions
from tfwolf.explorer.description import describe
from tfwolf.explorer.refusal import Refusal
from tfwolf.explorer.server import Server
from tfwolf.pictures.grids import marked
from tfwolf.serving.signature_defs import Signature


@pytest.fixture(scope='module')
def server():
    backend = Blend()
    server = Server('127.0.0.1', 0, Actions(backend, describe(backend.signatures), 'a blend'))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def post(server, path, body, **headers):
    return ask(server.server_address[1], 'POST', path, body, headers)


def get(server, path, method='GET', **headers):
    return ask(server.server_address[1], method, path, None, headers)


def raw(server, request):
    """Send raw bytes; return status and JSON of the answer."""
    with socket.create_connection(server.server_address[:2], timeout=30) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.status, json.loads(response.read())


def test_page_loads_no_other_origin(server):
    status, headers, page = get(server, '/')
    assert status == 200 and headers['Content-Type'] == 'text/html; charset=utf-8'
    pending, seen = [page.decode()], {'/'}
    while pending:
        text = pending.pop()
        assert not re.search(r'(src|href|from|url)\W{1,3}(https?:)?//', text)
        for path in set(re.findall(r"""(?:src=|href=|from )["'](/[\w.]+)["']""", text)) - seen:
            status, headers, content = get(server, path)
            assert status == 200 and not headers['Content-Type'].startswith('text/html'), path
            seen.add(path)
            pending.append(content.decode())
    assert seen == set(server.routes.files)


@pytest.mark.parametrize('path', ['/', '/page.js', '/api/model', '/nowhere'])
def test_headers(server, path):
    _, headers, _ = get(server, path)
    policy = headers['Content-Security-Policy']
    assert (
        "default-src 'none'" in policy
        and "frame-ancestors 'none'" in policy
        and 'unsafe' not in policy
        and 'http' not in policy
    )
    assert (
        headers['X-Content-Type-Options'],
        headers['X-Frame-Options'],
        headers['Referrer-Policy'],
    ) == ('nosniff', 'DENY', 'no-referrer')
    assert headers['Cache-Control'] == ('no-cache' if path in server.routes.files else 'no-store')
    assert 'Python' not in headers['Server']


def test_model(server):
    status, _, model = get(server, '/api/model')
    assert (
        status == 200
        and model['image_shape'] == list(SHAPE)
        and model['latent_dim'] == 5
        and model['title'] == 'a blend'
    )
    assert model['has_temperature_z'] and not model['is_labelled'] and model['max_images'] == 100


def test_samples_are_those_of_the_seed(server):
    status, _, answer = post(server, '/api/sample', SAMPLE)
    assert status == 200 and len(answer['images']) == 2
    for index, text in enumerate(answer['images']):
        np.testing.assert_array_equal(as_image(text), of_seed(5, index))


class HalfFinite(Blend):
    """A `Blend` whose signatures report every second image as not finite."""

    signatures = {
        name: Signature(
            signature.inputs,
            {
                **signature.outputs,
                **infos(finite=(np.bool_, signature.outputs['images'].shape[:-3])),
            }
            if 'images' in signature.outputs
            else signature.outputs,
        )
        for name, signature in Blend.signatures.items()
    }

    def __call__(self, name, inputs):
        outputs = super().__call__(name, inputs)
        if 'images' in outputs:
            shape = outputs['images'].shape[:-3]
            outputs['finite'] = (np.arange(np.prod(shape)) % 2 == 0).reshape(shape)
        return outputs


def test_images_that_are_not_finite_are_crossed_out():
    actions = Actions(HalfFinite(), describe(HalfFinite.signatures), '')
    answer = actions.sample({**SAMPLE, 'count': 3})
    assert answer['finite'] == [True, False, True]
    drawn = np.stack([of_seed(5, index) for index in range(3)])
    np.testing.assert_array_equal(
        [as_image(text) for text in answer['images']], marked(drawn, [True, False, True])
    )
    answer = actions.interpolate({**PAIR, 'betas': [0, 0.5, 1]})
    assert answer['finite'] == [[True, False, True], [False, True, False]]
    np.testing.assert_array_equal(as_image(answer['images'][0][0]), blend(A, B, 0, 0))
    cross = as_image(answer['images'][1][2])
    np.testing.assert_array_equal(cross, marked(A[np.newaxis], [False])[0])


def test_models_that_do_not_report_finite_images(server):
    assert post(server, '/api/sample', SAMPLE)[2]['finite'] is None
    assert post(server, '/api/interpolate', PAIR)[2]['finite'] is None


def test_interpolation_by_alpha_and_beta(server):
    status, _, answer = post(server, '/api/interpolate', {**PAIR, 'betas': [0, 0.5, 1]})
    assert status == 200 and [len(row) for row in answer['images']] == [3, 3]
    for row, alpha in zip(answer['images'], [0, 0.25]):
        for text, beta in zip(row, [0, 0.5, 1]):
            np.testing.assert_array_equal(as_image(text), blend(A, B, alpha, beta))


def test_bits_per_dim(server):
    assert post(server, '/api/bits_per_dim', {'image': as_text(A)})[2][
        'bits_per_dim'
    ] == pytest.approx(A.mean() / 32, rel=1e-6)
    status, _, answer = post(
        server, '/api/bits_per_dim', {'image': as_text(np.full(SHAPE, 255, np.uint8))}
    )
    assert (status, answer) == (200, {'bits_per_dim': None})


@pytest.mark.parametrize('kind', image_files.FORMATS)
def test_uploads_are_cropped_to_their_center_and_resized(server, kind):
    wide = np.zeros((40, 200, 3), np.uint8)
    wide[:, 60:140] = [250, 120, 10]
    status, _, answer = post(server, '/api/upload', as_png(wide, kind))
    assert status == 200 and answer['from_size'] == [200, 40]
    assert np.abs(as_image(answer['image']).astype(int) - [250, 120, 10]).max() < 12
    exact = post(server, '/api/upload', as_png(A))[2]['image']
    np.testing.assert_array_equal(as_image(exact), A)


@pytest.mark.parametrize(
    'content, status, message',
    [
        (
            b'Dear all, this is not an image.\n',
            415,
            'not a PNG, JPEG, WebP, BMP, GIF or TIFF image',
        ),
        (b'', 415, 'not a PNG'),
        (b'\x89PNG\r\n\x1a\n', 415, 'not a PNG'),
        (as_png(random_images(1)[0])[:-40], 415, 'damaged'),
        (b'BM', 415, 'not a PNG'),
        (b'GIF89a', 415, 'not a PNG'),
        (as_png(random_images(1)[0], 'BMP')[:-40], 415, 'damaged'),
        (as_png(random_images(1)[0], 'PPM'), 415, 'not a PNG'),
    ],
)
def test_refused_uploads(server, content, status, message):
    answer = post(server, '/api/upload', content)
    assert answer[0] == status and message in answer[2]['error']


@pytest.mark.parametrize('kind', ['PNG', 'JPEG', 'GIF', 'WEBP', 'BMP'])
def test_damaged_images_are_refused_or_shown(kind):
    for content in damaged(as_png(random_images(1, (4, 6, 3))[0], kind), 150):
        try:
            assert image_files.read_upload(content, SHAPE)[0].shape == SHAPE
        except Refusal as error:
            assert error.status in (413, 415)
        if kind == 'PNG':
            text = base64.b64encode(content).decode()
            try:
                assert image_files.image_from_text('a', text, SHAPE).shape == SHAPE
            except Refusal as error:
                assert error.status in (400, 413)


@pytest.mark.parametrize('kind', ['PNG', 'BMP', 'GIF', 'WEBP'])
def test_images_of_too_many_pixels_are_not_decoded(server, monkeypatch, kind):
    file = io.BytesIO()
    Image.new('1', (16_000, 1_001)).save(file, kind)
    monkeypatch.setattr(image_files, 'read_picture', lambda *_, **__: pytest.fail('decoded'))
    status, _, answer = post(server, '/api/upload', file.getvalue())
    assert status == 413 and '16 million pixels; this one has 16000 x 1001' in answer['error']
    if kind != 'PNG':
        return
    header = bytearray(file.getvalue())
    header[16:24] = (2**31 - 1).to_bytes(4, 'big') * 2
    assert post(server, '/api/upload', bytes(header))[0] in (413, 415)


def test_photos_may_have_more_pixels_than_files_that_are_decoded_whole():
    for size, fits in (((8000, 6000), True), ((10_000, 6000), False)):
        file = io.BytesIO()
        Image.new('L', size).save(file, 'JPEG')
        if fits:
            assert image_files.read_upload(file.getvalue(), SHAPE)[1] == size
        else:
            with pytest.raises(Refusal, match='50 million'):
                image_files.read_upload(file.getvalue(), SHAPE)


def test_large_files_are_refused_by_their_length(server):
    status, _, answer = post(server, '/api/upload', bytes(image_files.UPLOAD_BYTES + 1))
    assert status == 413 and '10 MB' in answer['error']
    assert post(server, '/api/sample', b' ' * 10**6)[0] == 413
    # Without any byte of the body.
    with socket.create_connection(server.server_address[:2], timeout=30) as connection:
        connection.sendall(
            b'POST /api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n'
        )
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b'HTTP/1.1 413')


def test_animations_are_their_first_frame():
    frames = [Image.new('RGB', (9, 9), color) for color in ((200, 0, 0), (0, 200, 0))]
    for kind in ('GIF', 'WEBP'):
        file = io.BytesIO()
        frames[0].save(file, kind, save_all=True, append_images=frames[1:], lossless=True)
        image, size = image_files.read_upload(file.getvalue(), (4, 4, 3))
        assert size == (9, 9) and np.abs(image.astype(int) - [200, 0, 0]).max() <= 2, kind


def test_uploads_of_every_mode():
    for mode, value in (
        ('1', 1),
        ('L', 200),
        ('LA', (200, 255)),
        ('P', 3),
        ('RGBA', (200, 200, 200, 255)),
        ('CMYK', (0, 0, 0, 55)),
        ('I;16', 200 * 256),
    ):
        file = io.BytesIO()
        Image.new(mode, (9, 9), value).save(file, 'JPEG' if mode == 'CMYK' else 'PNG')
        for channels in (1, 3):
            image, size = image_files.read_upload(file.getvalue(), (4, 4, channels))
            assert image.shape == (4, 4, channels) and image.dtype == np.uint8 and size == (9, 9)
            assert mode in ('1', 'P') or np.abs(image.astype(int) - 200).max() <= 2, mode
    file = io.BytesIO()
    Image.new('RGBA', (9, 9), (0, 0, 0, 0)).save(file, 'PNG')
    assert image_files.read_upload(file.getvalue(), (4, 4, 3))[0].min() == 255


def test_rotated_photos_are_turned_upright():
    file, exif = io.BytesIO(), Image.Exif()
    exif[ORIENTATION] = 6
    on_its_side = np.zeros((40, 80, 3), np.uint8)
    on_its_side[:, :40] = 255
    Image.fromarray(on_its_side).save(file, 'JPEG', exif=exif)
    image, size = image_files.read_upload(file.getvalue(), (8, 4, 3))
    assert size == (40, 80) and image[:3].min() > 240 and image[-3:].max() < 15


@pytest.mark.parametrize(
    'path, body, message',
    [
        ('sample', b'{', 'JSON'),
        ('sample', b'\xff', 'JSON'),
        ('sample', b'[' * 50_000, 'JSON'),
        ('sample', b'[]', 'object'),
        ('sample', b'', 'JSON'),
        ('sample', {**SAMPLE, 'count': 0}, '`count` must be an integer from 1 to 100; got 0'),
        ('sample', {**SAMPLE, 'count': 101}, '`count`'),
        ('sample', {**SAMPLE, 'count': True}, '`count`'),
        ('sample', {**SAMPLE, 'seed': 1.5}, '`seed`'),
        ('sample', {**SAMPLE, 'seed': -1}, '`seed`'),
        ('sample', {**SAMPLE, 'seed': 2**70}, '`seed`'),
        ('sample', {**SAMPLE, 'temperature_v': -0.1}, '`temperature_v`'),
        ('sample', {**SAMPLE, 'temperature_z': float('nan')}, '`temperature_z`'),
        ('sample', {**SAMPLE, 'temperature_z': '1'}, '`temperature_z`'),
        ('sample', {**SAMPLE, 'temperature_z': 10**400}, '`temperature_z` must be a number'),
        ('sample', {**SAMPLE, 'temperature_v': -(10**400)}, '`temperature_v`'),
        ('sample', {**SAMPLE, 'temperature_v': float('-inf')}, '`temperature_v`'),
        ('sample', {**SAMPLE, 'temperature_v': None}, '`temperature_v`'),
        ('sample', {**SAMPLE, 'temperature_v': True}, '`temperature_v`'),
        ('sample', b'{"count": 1e999}', '`count`'),
        ('sample', b'{"count": ' + b'9' * 5000 + b'}', 'JSON'),
        ('sample', b'{"count": 1, "count": 2}', 'twice'),
        ('sample', b'{"count": {"a": 1, "a": 1}}', 'twice'),
        ('sample', b'{"count": ' + b'{"a":' * 900 + b'1' + b'}' * 901, 'must be'),
        ('sample', b'{"count": ' + b'[' * 900 + b']' * 900 + b'}', 'must be'),
        ('sample', b'{"\\ud800": 1}', 'Unknown field'),
        ('sample', b'{"count": "\\ud800"}', '`count`'),
        ('sample', '{"count": "\ud800"}'.encode('utf-8', 'surrogatepass'), '`count`'),
        ('sample', b'null', 'object'),
        ('sample', b'1e999', 'object'),
        ('sample', {'count': 1}, '`seed`'),
        ('sample', {**SAMPLE, 'color': 1}, "'color'"),
        ('sample', {**SAMPLE, 'seed': 601}, 'nicer'),
        ('interpolate', {**PAIR, 'a': as_text(A[:3])}, '`a` must have 6 x 4 pixels'),
        ('interpolate', {**PAIR, 'b': 'A' * 20}, '`b` must be a PNG'),
        ('interpolate', {**PAIR, 'b': '*'}, '`b` must be a PNG'),
        ('interpolate', {**PAIR, 'b': None}, '`b` must be a PNG'),
        ('interpolate', {**PAIR, 'b': 'ä'}, '`b` must be a PNG'),
        ('interpolate', {**PAIR, 'b': PAIR['b'][:80]}, '`b` must be a PNG'),
        ('interpolate', {**PAIR, 'alphas': []}, '`alphas`'),
        ('interpolate', {**PAIR, 'alphas': 1}, '`alphas`'),
        ('interpolate', {**PAIR, 'betas': [1.1]}, '`betas`'),
        ('interpolate', {**PAIR, 'betas': [10**400]}, '`betas`'),
        ('interpolate', {**PAIR, 'betas': [[0.5]]}, '`betas`'),
        ('interpolate', {**PAIR, 'alphas': {}}, '`alphas` must be a list'),
        ('interpolate', {**PAIR, 'alphas': [0] * 101}, '`alphas`'),
        ('interpolate', {**PAIR, 'a': [PAIR['a']]}, '`a` must be a PNG'),
        ('interpolate', {**PAIR, 'a': PAIR['a'] + '\0'}, '`a` must be a PNG'),
        (
            'interpolate',
            {**PAIR, 'alphas': [0.0] * 11, 'betas': [0.0] * 10},
            '`alphas` must be a list of 1 to 10 numbers',
        ),
        ('bits_per_dim', {'image': 7}, '`image`'),
        ('bits_per_dim', {'images': PAIR['a']}, "'images'"),
    ],
)
def test_invalid_values(server, path, body, message):
    status, _, answer = post(server, f'/api/{path}', body)
    assert status == 400 and message in answer['error'] and answer.keys() == {'error'}


@pytest.mark.parametrize(
    'path',
    [
        '/../setup.cfg',
        '/%2e%2e/setup.cfg',
        '/static/page.html',
        '/page.html',
        '//etc/passwd',
        '/etc/passwd',
        '/api',
        '/api/',
        '/api/model/',
        '/api/warm_up',
        '/api/__init__',
        '/..',
        '/page.js%00',
        '/page.js/',
        '/\\..\\page.js',
    ],
)
def test_no_other_path_exists(server, path):
    assert get(server, path)[0] == 404
    assert post(server, path, SAMPLE)[0] == 404


def test_methods(server):
    assert (
        get(server, '/api/sample')[0] == 405
        and post(server, '/', b'')[0] == 405
        and post(server, '/api/model', b'')[0] == 405
    )
    for method in ('PUT', 'DELETE', 'OPTIONS', 'TRACE', 'nonsense'):
        status, headers, answer = get(server, '/', method)
        assert status == 501 and answer.keys() == {'error'} and 'Content-Security-Policy' in headers
    status, headers, content = get(server, '/', 'HEAD')
    assert status == 200 and content == b'' and int(headers['Content-Length']) > 1000


def test_requests_that_are_not_http(server):
    assert raw(server, b'hello\r\n\r\n')[0] == 400
    assert raw(server, b'GET /' + b'x' * 70_000 + b' HTTP/1.1\r\n\r\n')[0] == 414
    assert (
        raw(server, b'GET / HTTP/1.1\r\nHost: localhost\r\n' + b'A: b\r\n' * 200 + b'\r\n')[0]
        == 431
    )
    post_to = b'POST /api/sample HTTP/1.1\r\nHost: localhost\r\n'
    assert raw(server, post_to + b'\r\n') == (
        411,
        {'error': 'The request must have a Content-Length.'},
    )
    assert raw(server, post_to + b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n')[0] == 411
    for length in (b'-1', b'ten', b'1e3', b'9' * 30):
        assert raw(server, post_to + b'Content-Length: ' + length + b'\r\n\r\n')[0] == 400
    # The body is never sent.
    with socket.create_connection(server.server_address[:2]) as connection:
        connection.sendall(post_to + b'Content-Length: 100\r\n\r\n{')
    assert get(server, '/')[0] == 200


def test_other_pages_cannot_use_the_server(server):
    for host in (
        'evil.example',
        'evil.example:8600',
        '192.168.0.7',
        'localhost.evil.example',
        '',
        '[',
        '127.0.0.1.evil.example',
        'a@b',
    ):
        assert get(server, '/api/model', Host=host)[0] == 403, host
    for host in ('localhost', 'localhost:9999', '127.0.0.1', '[::1]:8600', 'LOCALHOST'):
        assert get(server, '/api/model', Host=host)[0] == 200, host
    assert post(server, '/api/sample', SAMPLE, Origin='http://evil.example')[0] == 403
    assert post(server, '/api/sample', SAMPLE, Origin='null')[0] == 403
    assert (
        post(server, '/api/sample', SAMPLE, Host='localhost:8600', Origin='http://localhost:8600')[
            0
        ]
        == 200
    )


def test_internal_errors_are_not_shown(server, capsys):
    assert post(server, '/api/sample', {**SAMPLE, 'seed': 602})[0] == 500
    assert post(server, '/api/sample', {**SAMPLE, 'seed': 603})[::2] == (502, {'error': 'gone'})
    status, _, answer = post(server, '/api/sample', {**SAMPLE, 'seed': 604})
    assert status == 500 and 'secret' not in json.dumps(answer)
    assert 'RuntimeError: secret' in capsys.readouterr().err
    assert post(server, '/api/sample', SAMPLE)[0] == 200


def test_500_valid_and_invalid_requests_8_at_a_time(server):
    def one(number):
        kind = number % 5
        if kind == 0:
            status, _, answer = post(server, '/api/sample', {**SAMPLE, 'seed': 1000 + number})
            return status == 200 and np.array_equal(
                as_image(answer['images'][1]), of_seed(1000 + number, 1)
            )
        if kind == 1:
            a, b = of_seed(number, 0), of_seed(number, 1)
            status, _, answer = post(
                server,
                '/api/interpolate',
                {'a': as_text(a), 'b': as_text(b), 'alphas': [0.5], 'betas': [number / 500]},
            )
            return status == 200 and np.array_equal(
                as_image(answer['images'][0][0]),
                blend(a, b, np.float32(0.5), np.float32(number / 500)),
            )
        if kind == 2:
            return post(server, '/api/sample', b'{"count": ' + b'9' * (number % 300))[0] == 400
        if kind == 3:
            return post(server, '/api/upload', as_png(of_seed(number, 0))[:number])[0] in (200, 415)
        return get(server, f'/{number}')[0] == 404

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        wrong = [number for number, good in enumerate(pool.map(one, range(500))) if not good]
    assert not wrong


def test_first_calls_of_a_signature_do_not_overlap():
    calls = []

    class Slow(Blend):
        def __call__(self, name, inputs):
            calls.append('starts')
            time.sleep(0.05)
            calls.append('ends')
            return super().__call__(name, inputs)

    actions = Actions(Slow(), describe(Blend.signatures), '')
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(actions.sample, [SAMPLE] * 2))
    assert calls == ['starts', 'ends'] * 2


def test_descriptions():
    with pytest.raises(ValueError, match='no signature bits_per_dim'):
        describe(
            {
                name: signature
                for name, signature in Blend.signatures.items()
                if name != 'bits_per_dim'
            }
        )
    four = Signature(Blend.signatures['sample'].inputs, infos(images=(np.uint8, (None, 8, 8, 4))))
    with pytest.raises(ValueError, match='1 or 3 channels'):
        describe({**Blend.signatures, 'sample': four})
    large = Signature(
        Blend.signatures['sample'].inputs, infos(images=(np.uint8, (None, 256, 256, 3)))
    )
    assert describe({**Blend.signatures, 'sample': large}).max_images == 32
