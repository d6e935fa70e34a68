"""`tfwolf compress` and `decompress`: exact images, numbers, refused files."""

import re

import numpy as np
import pytest
from PIL import Image

from support.tool_runs import run_tool
from tfwolf.cli.exact_images import check_free, picture_names, read_exactly, write_pictures
from tfwolf.data.sources import load_dataset


def grey(values):
    return np.asarray(values, np.uint8).reshape(8, 8)


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    """Returns the paths of three images of the digits as PNG files, and their pixels."""
    folder = tmp_path_factory.mktemp('pictures')
    images = load_dataset('digits').split('test').load(np.arange(3))['image'].numpy()
    paths = [folder / f'{name}.png' for name in ('one', 'two, too', 'three')]
    for path, image in zip(paths, images):
        Image.fromarray(image[..., 0]).save(path)
    return paths, images


@pytest.fixture(scope='module')
def compressed(tiny_run, pictures, tmp_path_factory):
    """Returns the file of the compressed pictures."""
    file = tmp_path_factory.mktemp('compressed') / 'images.tfwolf'
    printed, _ = run_tool('compress', f'--train_dir={tiny_run}', f'--output={file}', *pictures[0])
    assert f'Written to {file}' in printed and 'compared too' in printed
    return file


def test_files_come_back_with_their_names_and_pixels(tiny_run, pictures, compressed, tmp_path):
    printed, _ = run_tool(
        'decompress', compressed, f'--train_dir={tiny_run}', f'--output_dir={tmp_path / "new"}'
    )
    assert '3 images, all pixels as they were' in printed
    assert {path.name for path in (tmp_path / 'new').iterdir()} == {
        path.name for path in pictures[0]
    }
    for path, image in zip(*pictures):
        with Image.open(tmp_path / 'new' / path.name) as found:
            assert found.mode == 'L' and np.array_equal(np.asarray(found), image[..., 0])


def test_files_that_exist_are_kept(tiny_run, pictures, compressed, tmp_path):
    (tmp_path / 'three.png').write_text('mine')
    _, error = run_tool(
        'decompress',
        compressed,
        f'--train_dir={tiny_run}',
        f'--output_dir={tmp_path}',
        fails=True,
    )
    assert 'three.png exists; nothing was written' in error
    assert [path.name for path in tmp_path.iterdir()] == ['three.png']
    _, error = run_tool(
        'compress',
        f'--train_dir={tiny_run}',
        f'--output={tmp_path / "three.png"}',
        *pictures[0],
        fails=True,
    )
    assert '--overwrite replaces it' in error and (tmp_path / 'three.png').read_text() == 'mine'


def test_a_split_is_compressed_and_compared(tiny_run, tmp_path):
    file = tmp_path / 'split.tfwolf'
    printed, _ = run_tool(
        'compress',
        f'--train_dir={tiny_run}',
        '--split=test',
        '--num_images=30',
        '--compare',
        f'--output={file}',
    )
    rates = dict(re.findall(r'^  (\S.*?)  +([\d.]+) bits/dim$', printed, re.MULTILINE))
    assert len(rates) == 8, printed
    (coded, rate), (bound,) = (
        next((name, float(bits)) for name, bits in rates.items() if 'coded by' in name),
        [float(bits) for name, bits in rates.items() if 'bound' in name],
    )
    # z and the noise of 20 tiny images are drawn twice.
    assert rate == pytest.approx(bound, rel=0.05), coded
    run_tool(
        'decompress', file, f'--train_dir={tiny_run}', f'--output_dir={tmp_path}', '--save=npz'
    )
    with np.load(tmp_path / 'images.npz') as found:
        wanted = load_dataset('digits').split('test').load(np.arange(30))['image'].numpy()
        assert np.array_equal(found['images'], wanted) and found['names'][29] == '000029.png'


def test_a_damaged_file_is_refused(tiny_run, compressed, tmp_path):
    content = bytearray(compressed.read_bytes())
    content[-50] ^= 4
    (tmp_path / 'damaged').write_bytes(content)
    _, error = run_tool(
        'decompress',
        f'--file={tmp_path / "damaged"}',
        f'--train_dir={tiny_run}',
        f'--output_dir={tmp_path / "new"}',
        fails=True,
    )
    assert 'The file is damaged or incomplete' in error and not (tmp_path / 'new').exists()


def test_another_model_is_refused(compressed, tmp_path):
    _, error = run_tool(
        'decompress',
        compressed,
        '--pretrained=digits',
        f'--output_dir={tmp_path / "new"}',
        fails=True,
    )
    assert 'compressed with another model' in error and not (tmp_path / 'new').exists()


@pytest.mark.parametrize(
    'flags, message',
    [
        (['--split=test'], '--output is required'),
        (['--output=out'], 'Give the image files, or --split'),
        (['--output=out', '--split=test', 'a.png'], 'Give the image files, or --split'),
        (['--output=out', '--num_images=3', 'a.png'], '--num_images needs --split'),
        (['--output=missing/out', '--split=test'], 'The folder of --output=missing/out'),
        (['--output=out', 'missing.png'], 'missing.png'),
        (['--output=out', '--split=test', '--num_images=9999'], 'Request fewer images'),
        (['--output=out', '--split=test', '--fraction_bits=3'], '`fraction_bits` must be'),
        (['--output=out', '--split=test', '--scale_bits=40'], '`scale_bits` must be at most 16'),
    ],
)
def test_wrong_flags_are_errors(tiny_run, flags, message):
    _, error = run_tool('compress', f'--train_dir={tiny_run}', *flags, fails=True)
    assert message in error


def test_images_that_would_change_are_refused(tmp_path):
    values, path = np.arange(64).reshape(8, 8), tmp_path / 'image.png'

    def refused(message, shape=(8, 8, 1), file=path):
        with pytest.raises(ValueError, match=message):
            read_exactly([str(file)], shape)

    Image.fromarray(grey(values)).save(path)
    assert np.array_equal(read_exactly([str(path)], (8, 8, 1))[0, ..., 0], values)
    refused('8x8x1 .* the model is for 8x8x3', (8, 8, 3))
    refused('the model is for 4x4x1', (4, 4, 1))
    refused('1 or 3 channels, and the model 2', (8, 8, 2))
    Image.fromarray((values * 1000).astype(np.uint16)).save(path)
    refused('reading it would lose something')
    rgba = np.dstack([grey(values)] * 4)
    Image.fromarray(rgba).save(path)
    refused("not an 8-bit RGB image of one frame, but of the kind 'RGBA'", (8, 8, 3))
    Image.fromarray(rgba[..., :3]).save(path, transparency=(1, 1, 1))
    refused('transparent', (8, 8, 3))
    Image.fromarray(rgba[..., :3]).convert('P').save(path)
    refused("'P'", (8, 8, 3))
    Image.fromarray(rgba[..., :3]).convert('CMYK').save(tmp_path / 'a.tif')
    refused('CMYK', (8, 8, 3), tmp_path / 'a.tif')
    gif = tmp_path / 'a.webp'
    frames = [Image.fromarray(rgba[..., :3] + step) for step in (0, 9)]
    frames[0].save(gif, save_all=True, append_images=frames[1:], lossless=True)
    refused('2 frames', (8, 8, 3), gif)


def test_colors_of_16_bits_are_refused(tmp_path):
    import struct
    import zlib

    def chunk(kind, data):
        body = kind + data
        return struct.pack('>I', len(data)) + body + struct.pack('>I', zlib.crc32(body))

    rows = b''.join(b'\0' + bytes(8 * 6) for _ in range(8))
    header = struct.pack('>IIBBBBB', 8, 8, 16, 2, 0, 0, 0)
    path = tmp_path / 'deep.png'
    path.write_bytes(
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', header)
        + chunk(b'IDAT', zlib.compress(rows))
        + chunk(b'IEND', b'')
    )
    with pytest.raises(ValueError, match='16 bits'):
        read_exactly([str(path)], (8, 8, 3))


def test_all_pictures_are_written_or_none(tmp_path):
    images = np.zeros([2, 8, 8, 1], np.uint8)
    with pytest.raises(OSError):
        write_pictures(str(tmp_path), ['a.png', 'b' * 300 + '.png'], images)
    assert not list(tmp_path.iterdir())
    write_pictures(str(tmp_path), ['a.png', 'b.png'], images)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.png', 'b.png']


def test_names_of_files_are_safe(tmp_path):
    assert picture_names(['a/x.png', 'b/y.tif.webp']) == ['x.png', 'y.tif.png']
    with pytest.raises(ValueError, match='different names.*a/x.png and b/x.jpg'):
        picture_names(['a/x.png', 'b/x.jpg'])
    check_free(str(tmp_path), ['a.png', 'b.png'])
    for name in ('../a.png', '/a.png', '', '..', '.', 'a\0', 'a\n.png'):
        with pytest.raises(ValueError, match='nothing was written'):
            check_free(str(tmp_path), [name])
