"""Image files that client.py reads: upright, of 8 or 16 bits."""

import numpy as np
import pytest
from PIL import Image

from tfwolf.core.image_file import ORIENTATION, read_picture
from tfwolf.serving.client_command import read_image


@pytest.mark.parametrize('deep', [False, True])
def test_files_have_the_pixels_of_the_one_reader(tmp_path, deep):
    name = 'a.png'
    values = np.linspace(0, 65535, 24).astype(np.uint16).reshape(4, 6)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray(values if deep else (values >> 8).astype(np.uint8)).save(
        tmp_path / name, exif=exif
    )
    read = read_image(str(tmp_path / name), (6, 4, 1))
    np.testing.assert_array_equal(read[..., 0], read_picture(tmp_path / name))
    np.testing.assert_array_equal(read[..., 0], (values >> 8)[::-1].T)
