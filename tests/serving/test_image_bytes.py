"""Image files inside a graph: upright, of 8 or 16 bits, as the one reader reads them."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfwolf.core.image_file import ORIENTATION, read_picture
from tfwolf.serving.image_bytes import decode_image_files

# Smooth, so that JPEG keeps it.
COLORS = np.stack(np.meshgrid(np.arange(0, 240, 30), np.arange(0, 240, 15), [90, 150]), -1)
COLORS = COLORS[:, :, 0].astype(np.uint8)


@pytest.fixture(scope='module')
def decode():
    """Returns a function of the content of a file and the shape of its image."""

    @tf.function(autograph=False)
    def tall(files):
        return decode_image_files('image_bytes', files, (16, 8, 3))

    @tf.function(autograph=False)
    def wide(files):
        return decode_image_files('image_bytes', files, (8, 16, 3))

    return lambda content, is_tall: (tall if is_tall else wide)(tf.constant([content])).numpy()[0]


@pytest.mark.parametrize('turn', range(10))
@pytest.mark.parametrize('order', ['little', 'big'])
def test_the_orientation_of_a_jpeg_is_obeyed(decode, turn, order):
    exif = Image.Exif()
    exif.endian = '<' if order == 'little' else '>'
    exif[0x010F], exif[0x0110] = 'Maker', 'Model'
    if turn:
        exif[ORIENTATION] = turn
    file = io.BytesIO()
    Image.fromarray(COLORS).save(file, 'JPEG', exif=exif, quality=95)
    expected = np.asarray(read_picture(file.getvalue()))
    assert expected.shape == ((16, 8, 3) if turn < 5 or turn == 9 else (8, 16, 3))
    found = decode(file.getvalue(), expected.shape[0] == 16)
    # Decoders round differently.
    assert np.abs(found.astype(int) - expected).max() < 12


def test_a_jpeg_without_exif_and_one_with_damaged_exif_are_read(decode):
    file = io.BytesIO()
    Image.fromarray(COLORS).save(file, 'JPEG')
    plain = file.getvalue()
    for exif in (b'', b'Exif\0\0', b'Exif\0\0II*\0\xff\xff\xff\xff', b'Exif\0\0MM\0*'):
        length = (len(exif) + 2).to_bytes(2, 'big')
        content = plain[:2] + (b'\xff\xe1' + length + exif if exif else b'') + plain[2:]
        np.testing.assert_array_equal(decode(content, True), decode(plain, True))


def test_16_bits_of_a_png_are_scaled(decode):
    deep = np.linspace(0, 65535, 128).astype(np.uint16).reshape(16, 8)
    file = io.BytesIO()
    Image.fromarray(deep).save(file, 'PNG')
    np.testing.assert_array_equal(decode(file.getvalue(), True), np.stack(3 * [deep >> 8], -1))
