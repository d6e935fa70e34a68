"""The flag --images: several files, names with commas, and the pixels of the one reader."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags
from tfwolf.cli.images import chosen_images, named_files
from tfwolf.core.image_file import ORIENTATION


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Returns the working directory with files of 4x6 pixels."""
    monkeypatch.chdir(tmp_path)
    for name in ('a.png', 'b.png', 'a,b.png', 'one, two,three.png', 'ひ,ら.png'):
        Image.fromarray(np.full((4, 6), 7, np.uint8)).save(name)
    return tmp_path


@pytest.mark.parametrize(
    'values, paths',
    [
        (['a.png'], ['a.png']),
        (['a.png', 'b.png'], ['a.png', 'b.png']),
        (['a.png,b.png'], ['a.png', 'b.png']),
        (['a.png, b.png'], ['a.png', 'b.png']),
        (['a,b.png'], ['a,b.png']),
        (['a.png,a,b.png,b.png'], ['a.png', 'a,b.png', 'b.png']),
        (['one, two,three.png,ひ,ら.png'], ['one, two,three.png', 'ひ,ら.png']),
        (['nowhere,a.png'], ['nowhere', 'a.png']),
        (['a.png,'], ['a.png']),
    ],
)
def test_commas_separate_unless_they_are_in_a_name(files, values, paths):
    assert named_files(values) == paths


def test_home_is_expanded_in_each_name(files, monkeypatch):
    monkeypatch.setenv('HOME', str(files))
    assert named_files(['~/a.png,~/b.png, ~/a,b.png']) == [
        f'{files}/{name}' for name in ('a.png', 'b.png', 'a,b.png')
    ]


def chosen(*arguments, shape=(4, 6, 1)):
    options = Flags()
    groups.images(options)
    options.parse(list(arguments))
    latent = SimpleNamespace(needs_labels=False, num_classes=None)
    run = SimpleNamespace(model=SimpleNamespace(image_shape=shape, latent=latent))
    return chosen_images(options, run, 2)


def test_own_files_are_read_upright_with_16_bits_and_of_all_types(files):
    deep = np.linspace(0, 65535, 24).astype(np.uint16).reshape(4, 6)
    Image.fromarray(deep).save('deep.tif')
    exif = Image.Exif()
    exif[ORIENTATION] = 8
    Image.fromarray((deep >> 8).astype(np.uint8)[:, ::-1].T).save('turned.png', exif=exif)
    found = chosen('--images=deep.tif,turned.png', '--images=a,b.png')
    assert found.names == ['deep.tif', 'turned.png', 'a,b.png']
    np.testing.assert_array_equal(found.images[0, ..., 0], deep >> 8)
    assert found.images.shape == (3, 4, 6, 1)


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--images=nowhere.png'], "There is no file 'nowhere.png'"),
        (['--images=notes.txt'], r'notes\.txt cannot be decoded: it is not an image'),
        (['--images=turned.png'], 'is 6x4 .*--resize'),
    ],
)
def test_files_that_cannot_be_used_are_named(files, arguments, message):
    (files / 'notes.txt').write_text('Dear all')
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray(np.zeros((4, 6), np.uint8)).save('turned.png', exif=exif)
    with pytest.raises(ValueError, match=message):
        chosen(*arguments)
