"""Reading of image files, with errors that name the file."""

import numpy as np
import pytest
from PIL import Image

from tfwolf.data.fit import Fit
from tfwolf.data.image_file import Header, read_header, read_image
from tfwolf.data.sources import load_dataset

COLORS = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)
WHOLE = Fit((8, 10), 'none')


@pytest.fixture
def picture(tmp_path):
    Image.fromarray(COLORS).save(tmp_path / 'a.png')
    return tmp_path / 'a.png'


def test_pixels_are_those_of_the_file(picture):
    assert read_header(picture) == Header((8, 10), is_grey=False)
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


def test_errors_name_the_file_and_the_problem(picture, tmp_path, monkeypatch):
    content = picture.read_bytes()
    (tmp_path / 'short.png').write_bytes(content[:60])
    (tmp_path / 'text.png').write_text('Dear all')
    Image.fromarray(np.zeros((8, 10), np.uint16)).save(tmp_path / 'deep.png')
    for read in (read_header, lambda path: read_image(path, WHOLE, 3)):
        for name, message in (
            ('nothing.png', r"no file '.*nothing\.png' \(working directory"),
            ('.', 'There is no file'),
            ('short.png', r'short\.png cannot be decoded'),
            ('text.png', r'text\.png cannot be decoded'),
            ('deep.png', r"deep\.png has Pillow mode 'I;16'; expected 8 bits per channel"),
        ):
            with pytest.raises(ValueError, match=message):
                read(tmp_path / name)
        with monkeypatch.context() as patched:
            patched.setattr(Image, 'MAX_IMAGE_PIXELS', 30)
            with pytest.raises(ValueError, match=r'a\.png cannot be decoded: .*decompression bomb'):
                read(picture)


def test_a_picture_that_does_not_fit_is_named(picture):
    with pytest.raises(ValueError, match=r'a\.png is 8x10 \(height x width\), expected 8x8'):
        read_image(picture, Fit((8, 8), 'none'), 3)
    with pytest.raises(
        ValueError, match=r'a\.png is 8x10 .*smaller than 9x9; images are not enlarged'
    ):
        read_image(picture, Fit((9, 9)), 3)


def test_folders_are_read_by_the_same_functions(picture, tmp_path):
    for name in ('b', 'c'):
        Image.fromarray(COLORS).save(tmp_path / f'{name}.png')
    Image.fromarray(np.zeros((8, 10), np.uint16)).save(tmp_path / 'deep.png')
    with pytest.raises(ValueError, match=r"deep\.png has Pillow mode 'I;16'"):
        load_dataset(f'folder:{tmp_path}')
    (tmp_path / 'deep.png').unlink()
    found = load_dataset(f'folder:{tmp_path}', validation_size=0, test_size=1)
    picture.write_text('Dear all')
    with pytest.raises(ValueError, match=r'a\.png cannot be decoded'):
        for split in (found.train, found.test):
            split.load(np.arange(split.num_examples))
