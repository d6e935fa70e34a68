"""The one reader of image files: the same pixels everywhere, with errors that name the file."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tfwolf.core.image_file import ORIENTATION, is_grey, read_picture
from tfwolf.data.fit import Fit
from tfwolf.data.fitted_file import fitted
from tfwolf.data.sources import load_dataset

COLORS = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)
GREYS = COLORS[..., 0]
DEEP = GREYS.astype(np.uint16) * 257
WHOLE = Fit((8, 10), 'none')


@pytest.fixture
def picture(tmp_path):
    Image.fromarray(COLORS).save(tmp_path / 'a.png')
    return tmp_path / 'a.png'


def read_image(path, fit, channels, *position):
    return fitted(path, read_picture(path), fit, channels, *position)


def pixels(path, **options):
    return np.asarray(read_picture(path, **options))


def png_header(width, height):
    """Returns a PNG file of a few bytes that claims to be a color image of that size."""

    def chunk(kind, data):
        return (
            struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
        )

    size = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    parts = ((b'IHDR', size), (b'IDAT', zlib.compress(bytes(1000))), (b'IEND', b''))
    return b'\x89PNG\r\n\x1a\n' + b''.join(chunk(*part) for part in parts)


def test_pixels_are_those_of_the_file(picture):
    assert read_picture(picture).size == (10, 8)
    np.testing.assert_array_equal(read_image(picture, WHOLE, 3), COLORS)
    np.testing.assert_array_equal(
        read_image(str(picture), Fit((4, 6), 'none', crop_size=(4, 6)), 3), COLORS[2:6, 2:8]
    )
    grey = np.asarray(Image.fromarray(COLORS).convert('L'))
    np.testing.assert_array_equal(read_image(picture, WHOLE, 1)[..., 0], grey)
    window = Fit((8, 4), 'random_crop', shorter_side=8)
    for place, left in ((0.5, 3), (0.0, 0), (0.999, 6)):
        np.testing.assert_array_equal(
            read_image(picture, window, 3, (0.5, place)), COLORS[:, left : left + 4]
        )


@pytest.mark.parametrize('turn', range(1, 9))
@pytest.mark.parametrize(
    'form, stored',
    [
        ('WEBP', COLORS),
        *((form, array) for form in ('PNG', 'TIFF') for array in (COLORS, GREYS, DEEP)),
    ],
)
def test_the_orientation_in_exif_is_obeyed(tmp_path, form, turn, stored):
    shown = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.swapaxes(0, 1),
        6: stored[::-1].swapaxes(0, 1),
        7: stored[::-1, ::-1].swapaxes(0, 1),
        8: stored[:, ::-1].swapaxes(0, 1),
    }[turn]
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    options = {'lossless': True} if form == 'WEBP' else {}
    Image.fromarray(stored).save(tmp_path / 'turned', form, exif=exif, **options)
    expected = shown >> 8 if stored.dtype == np.uint16 else shown
    np.testing.assert_array_equal(pixels(tmp_path / 'turned'), expected)


def test_a_turned_photo_fits_as_it_is_shown(tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray(COLORS).save(tmp_path / 'photo.jpg', exif=exif)
    assert read_image(tmp_path / 'photo.jpg', Fit((10, 8), 'none'), 3).shape == (10, 8, 3)
    with pytest.raises(ValueError, match='is 10x8'):
        read_image(tmp_path / 'photo.jpg', WHOLE, 3)


@pytest.mark.parametrize('name', ['grey.png', 'grey.tif', 'grey.TIFF', 'grey.pgm'])
def test_the_upper_8_of_16_bits_are_kept(tmp_path, name):
    deep = np.linspace(0, 65535, 80).astype(np.uint16).reshape(8, 10)
    Image.fromarray(deep).save(tmp_path / name)
    read = read_picture(tmp_path / name)
    assert read.mode == 'L'
    np.testing.assert_array_equal(np.asarray(read), deep >> 8)


def test_16_bits_of_color_are_scaled_like_grey(tmp_path):
    deep = np.linspace(0, 65535, 240).astype(np.uint16).reshape(8, 10, 3)
    rows = b''.join(b'\0' + row.astype('>u2').tobytes() for row in deep)

    def chunk(kind, data):
        return (
            struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
        )

    header = struct.pack('>IIBBBBB', 10, 8, 16, 2, 0, 0, 0)
    parts = ((b'IHDR', header), (b'IDAT', zlib.compress(rows)), (b'IEND', b''))
    content = b'\x89PNG\r\n\x1a\n' + b''.join(chunk(*part) for part in parts)
    np.testing.assert_array_equal(pixels(content), deep >> 8)


def saved(mode, name, tmp_path, **options):
    Image.fromarray(COLORS).convert(mode).save(tmp_path / name, **options)
    return tmp_path / name


@pytest.mark.parametrize(
    'mode, name, grey',
    [
        ('1', 'a.png', True),
        ('1', 'a.tif', True),
        ('1', 'a.bmp', True),
        ('L', 'a.gif', True),
        ('LA', 'a.png', True),
        ('L', 'a.JPG', True),
        ('RGBA', 'a.png', False),
        ('RGBA', 'a.webp', False),
        ('P', 'a.gif', False),
        ('P', 'a.png', False),
        ('P', 'a.tif', False),
        ('CMYK', 'a.jpg', False),
        ('CMYK', 'a.tif', False),
        ('YCbCr', 'a.jpg', False),
    ],
)
def test_all_modes_become_8_bits_grey_or_color(tmp_path, mode, name, grey):
    path = saved(mode, name, tmp_path)
    read = read_picture(path)
    assert read.mode == ('L' if grey else 'RGB') and read.size == (10, 8)
    with Image.open(path) as stored:
        np.testing.assert_array_equal(np.asarray(read), np.asarray(stored.convert(read.mode)))


def test_a_palette_of_greys_is_grey(tmp_path):
    grey = Image.fromarray(GREYS).convert('P')
    for options in ({}, {'transparency': 3}):
        grey.save(tmp_path / 'grey.png', **options)
        with Image.open(tmp_path / 'grey.png') as stored:
            assert stored.mode == 'P' and is_grey(stored)
        np.testing.assert_array_equal(pixels(tmp_path / 'grey.png'), GREYS)


def test_transparent_parts_are_dropped_or_put_on_a_background(tmp_path):
    clear = np.dstack([COLORS, np.where(GREYS > 99, 255, 0).astype(np.uint8)])
    Image.fromarray(clear).save(tmp_path / 'clear.png')
    np.testing.assert_array_equal(pixels(tmp_path / 'clear.png'), COLORS)
    white = np.where(clear[..., 3:] == 255, COLORS, 255)
    np.testing.assert_array_equal(pixels(tmp_path / 'clear.png', background='white'), white)


def test_of_an_animation_the_first_frame_is_used(tmp_path):
    frames = [Image.fromarray(GREYS), Image.fromarray(255 - GREYS)]
    frames[0].save(tmp_path / 'a.gif', save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(pixels(tmp_path / 'a.gif'), GREYS)


def test_an_array_file_is_one_image(tmp_path):
    for array, shown in (
        (COLORS, COLORS),
        (GREYS, GREYS),
        (GREYS[..., None], GREYS),
    ):
        np.save(tmp_path / 'a.npy', array)
        np.testing.assert_array_equal(np.asarray(read_picture(tmp_path / 'a.npy')), shown)
    np.save(tmp_path / 'a.npy', COLORS / np.float32(255))
    np.testing.assert_array_equal(pixels(tmp_path / 'a.npy', value_range=(0, 1)), COLORS)
    for array, message in (
        (COLORS / 255, r'a\.npy cannot be decoded: its array must be uint8.*dataset\.value_range'),
        (COLORS[None], 'must be one image'),
        (np.moveaxis(COLORS, -1, 0), r'must be one image .*got \(3, 8, 10\)'),
        (np.array([{}], object), 'allow_pickle'),
    ):
        np.save(tmp_path / 'a.npy', array)
        with pytest.raises(ValueError, match=message):
            read_picture(tmp_path / 'a.npy')


def test_errors_name_the_file_and_the_problem(picture, tmp_path):
    content = picture.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    (tmp_path / 'short.png').write_bytes(content[: len(content) // 2])
    (tmp_path / 'flipped.png').write_bytes(flipped)
    (tmp_path / 'text.png').write_text('Dear all')
    (tmp_path / 'empty.jpg').touch()
    (tmp_path / 'bomb.png').write_bytes(png_header(60_000, 60_000))
    (tmp_path / 'dangling.png').symlink_to(tmp_path / 'gone.png')
    Image.fromarray(GREYS.astype(np.float32)).save(tmp_path / 'floats.tif')
    Image.fromarray(GREYS.astype(np.int32)).save(tmp_path / 'deep.tif')
    Image.fromarray(COLORS).save(tmp_path / 'whole.jpg')
    (tmp_path / 'cut.jpg').write_bytes((tmp_path / 'whole.jpg').read_bytes()[:-60])
    for name, message in (
        ('nothing.png', r"no file '.*nothing\.png' \(working directory"),
        ('.', 'There is no file'),
        ('dangling.png', 'There is no file'),
        ('short.png', r'short\.png cannot be decoded'),
        ('flipped.png', r'flipped\.png cannot be decoded: .*checksum'),
        ('text.png', r'text\.png cannot be decoded: it is not an image of a known format'),
        ('empty.jpg', r'empty\.jpg cannot be decoded: it is not an image'),
        ('cut.jpg', r'cut\.jpg cannot be decoded'),
        ('bomb.png', r'bomb\.png cannot be decoded: .*decompression bomb'),
        ('floats.tif', r'floats\.tif cannot be decoded: it has 32-bit values'),
        ('deep.tif', r'deep\.tif cannot be decoded: it has 32-bit values'),
    ):
        with pytest.raises(ValueError, match=message) as raised:
            read_picture(tmp_path / name)
        assert '\n' not in str(raised.value)


def test_the_number_of_pixels_can_be_limited(picture):
    assert read_picture(picture, max_pixels=80).size == (10, 8)
    with pytest.raises(ValueError, match='it has 10 x 8 pixels, and at most 79 are'):
        read_picture(picture, max_pixels=79)


def test_a_picture_that_does_not_fit_is_named(picture):
    with pytest.raises(ValueError, match=r'a\.png is 8x10 \(height x width\), expected 8x8'):
        read_image(picture, Fit((8, 8), 'none'), 3)
    with pytest.raises(
        ValueError, match=r'a\.png is 8x10 .*smaller than 9x9; images are not enlarged'
    ):
        read_image(picture, Fit((9, 9)), 3)


def test_small_pictures_are_padded_and_large_ones_made_smaller_first(picture):
    padded = read_image(picture, Fit((12, 13), 'pad'), 3).copy()
    np.testing.assert_array_equal(padded[2:10, 1:11], COLORS)
    padded[2:10, 1:11] = 0
    assert not padded.any()
    smaller = read_image(picture, Fit((4, 8), 'pad'), 3)
    half = np.asarray(Image.fromarray(COLORS).resize((5, 4), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(smaller[:, 1:6], half)
    assert not smaller[:, :1].any() and not smaller[:, 6:].any()


def test_folders_are_read_by_the_same_functions(picture, tmp_path):
    for name in ('b', 'c'):
        Image.fromarray(COLORS).save(tmp_path / f'{name}.png')
    Image.fromarray(GREYS.astype(np.int32)).save(tmp_path / 'deep.tif')
    with pytest.raises(ValueError, match=r'deep\.tif cannot be decoded: it has 32-bit'):
        load_dataset(f'folder:{tmp_path}')
