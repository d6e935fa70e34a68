"""Folders of TIFF files of 16 bits and floats: values bit for bit, bands, orientation, errors."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf
import tifffile
from PIL import Image

from tfwolf.core.tiff_file import read_tiff
from tfwolf.data.sources import load_dataset

RANDOM = np.random.default_rng(0)
CONTIG = {'planarconfig': 'contig', 'photometric': 'minisblack'}


def write(folder, arrays, **options):
    for number, array in enumerate(arrays):
        tifffile.imwrite(folder / f'{number:02}.tif', array, **options)


def images_of(dataset):
    parts = [
        split.load(tf.range(split.num_examples, dtype=tf.int64))['image'].numpy()
        for split in (dataset.train, dataset.validation, dataset.test)
    ]
    return {image.tobytes() for part in parts for image in part}, parts[0].dtype


@pytest.mark.parametrize('bands', [1, 2, 3, 7])
@pytest.mark.parametrize('kind', ['uint16', 'float32'])
def test_values_are_kept_bit_for_bit(tmp_path, bands, kind):
    arrays = (RANDOM.random((12, 8, 6, bands)) * 65535).astype(kind)
    write(tmp_path, arrays[..., 0] if bands == 1 else arrays, **(CONTIG if bands > 1 else {}))
    found = load_dataset(f'folder:{tmp_path}', value_type=kind)
    assert found.image_shape == (8, 6, bands) and found.image_type == kind
    own, dtype = images_of(found)
    assert dtype == kind and own == {array.tobytes() for array in arrays}


@pytest.mark.parametrize('planes', ['separate', 'pages'])
def test_bands_may_be_planes_or_pages(tmp_path, planes):
    array = RANDOM.random((8, 6, 5)).astype(np.float32)
    path = tmp_path / 'a.tif'
    if planes == 'pages':
        with tifffile.TiffWriter(path) as file:
            for band in np.moveaxis(array, -1, 0):
                file.write(band, contiguous=True)
    else:
        planar = {'planarconfig': planes, 'photometric': 'minisblack'}
        tifffile.imwrite(path, np.moveaxis(array, -1, 0), **planar)
    np.testing.assert_array_equal(read_tiff(path), array)


@pytest.mark.parametrize('turn', range(1, 9))
def test_the_orientation_is_that_of_pillow(tmp_path, turn):
    array = RANDOM.integers(0, 65536, (4, 3), dtype=np.uint16)
    path = tmp_path / 'a.tif'
    tifffile.imwrite(path, array, extratags=[(274, 'H', 1, turn, True)])
    # From memory, because Pillow turns a file that it maps twice.
    with open(path, 'rb') as file, Image.open(file) as picture:
        picture.load()
        np.testing.assert_array_equal(read_tiff(path)[..., 0], np.asarray(picture))


def test_files_of_one_band_written_by_pillow_are_read(tmp_path):
    array = RANDOM.random((4, 3)).astype(np.float32)
    Image.fromarray(array).save(tmp_path / 'a.tiff')
    np.testing.assert_array_equal(read_tiff(tmp_path / 'a.tiff')[..., 0], array)


@pytest.mark.parametrize(
    'other, message',
    [
        (
            np.zeros((8, 6), np.float64),
            '12.tif has values of the type float64, and .*00.tif, uint16',
        ),
        (
            np.zeros((8, 6, 2), np.uint16),
            '12.tif has the number of bands 2, and the first .* 1. All',
        ),
        (np.zeros((8, 5), np.uint16), r'12.tif has the size \(height, width\) \(8, 5\)'),
        (np.zeros((2, 3, 8, 6), np.uint16), '12.tif cannot be read: it must hold one image'),
    ],
)
def test_files_that_differ_are_named(tmp_path, other, message):
    write(tmp_path, RANDOM.integers(0, 65536, (12, 8, 6), dtype=np.uint16))
    tifffile.imwrite(tmp_path / '12.tif', other, **(CONTIG if other.shape[2:] == (2,) else {}))
    with pytest.raises(ValueError, match=message):
        load_dataset(f'folder:{tmp_path}', value_type='uint16')
    found = load_dataset(f'folder:{tmp_path}', value_type='uint16', skip_bad_images=True)
    assert len(images_of(found)[0]) == 12 and '1 bad image is skipped: 12.tif' in found.notes[1]


def test_values_that_do_not_fit_the_type_are_named(tmp_path):
    arrays = RANDOM.random((12, 8, 6)).astype(np.float32)
    arrays[3, 2, 1] = np.nan
    write(tmp_path, arrays)
    with pytest.raises(ValueError, match='03.tif must be finite .* 1 values that are not finite'):
        load_dataset(f'folder:{tmp_path}', value_type='float32')
    with pytest.raises(
        ValueError, match="must be integers from 0 to 65535 for value_type='uint16'"
    ):
        load_dataset(f'folder:{tmp_path}', value_type='uint16')
    with pytest.raises(ValueError, match='32-bit values.*keep them with `dataset.value_type`'):
        load_dataset(f'folder:{tmp_path}')
    (tmp_path / '03.tif').write_bytes((tmp_path / '04.tif').read_bytes()[:60])
    with pytest.raises(ValueError, match='03.tif cannot be read'):
        load_dataset(f'folder:{tmp_path}', value_type='float32')


@pytest.mark.parametrize(
    'options, message',
    [
        ({'channels': 1}, '`channels` is of pictures of 8 bits'),
        ({'image_size': (4, 4)}, r'`image_size` must be \(8, 6\) or left out'),
        ({'value_range': (0, 1)}, '`value_range` is of values that become uint8'),
        ({'value_type': 'float16'}, 'must be one of uint8, uint16, float32'),
    ],
)
def test_options_of_pictures_are_refused(tmp_path, options, message):
    write(tmp_path, RANDOM.random((12, 8, 6)).astype(np.float32))
    with pytest.raises(ValueError, match=message):
        load_dataset(f'folder:{tmp_path}', **{'value_type': 'float32', **options})


def test_other_files_are_refused_and_arrays_are_read(tmp_path):
    arrays = RANDOM.random((12, 8, 6, 4)).astype(np.float32)
    for number, array in enumerate(arrays):
        np.save(tmp_path / f'{number:02}.npy', array)
    own, _ = images_of(load_dataset(f'folder:{tmp_path}', value_type='float32'))
    assert own == {array.tobytes() for array in arrays}
    Image.new('L', (6, 8)).save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match='a.png has no values .* must be TIFF or .npy'):
        load_dataset(f'folder:{tmp_path}', value_type='float32')


def test_the_missing_extra_is_named(tmp_path, monkeypatch):
    write(tmp_path, RANDOM.random((12, 8, 6)).astype(np.float32))
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(ValueError, match=r'tifffile is missing.*pip install "tfwolf\[tiff\]"'):
        load_dataset(f'folder:{tmp_path}', value_type='float32')
