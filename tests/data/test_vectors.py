"""Vectors: toys with a known density, CSV files, arrays; what is wrong is named."""

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.data.csv_numbers import read_csv
from tfwolf.data.given import as_dataset
from tfwolf.data.moments import channel_moments
from tfwolf.data.sources import load_dataset
from tfwolf.data.toy import density_of
from tfwolf.data.toy_densities import DENSITIES
from tfwolf.data.vector_files import read_vectors


def points(split):
    return split.load(tf.range(split.num_examples, dtype=tf.int64))['image'].numpy()[:, 0, 0]


@pytest.mark.parametrize('name', DENSITIES)
def test_toy_density_and_entropy_fit_the_points(name):
    """The density integrates to 1, and its mean over points is minus the entropy."""
    density = DENSITIES[name]()
    step = 0.025
    places = np.arange(-5.5, 5.5, step) + step / 2
    grid = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)
    assert abs(np.exp(density.log_density(grid)).sum() * step**2 - 1) < 1e-4
    found = points(load_dataset(f'toy:{name}', num_examples=20_000).train)
    # A point at the edge of the checkerboard may be rounded out of it.
    values = density.log_density(found)
    finite = np.isfinite(values)
    assert finite.mean() > 0.999
    error = 4 * values[finite].std() / np.sqrt(finite.sum()) + 1e-9
    assert abs(-values[finite].mean() - density.entropy_nats) < error
    counts, _, _ = np.histogram2d(*found.T, bins=8, range=[[-5, 5], [-5, 5]])
    assert counts.sum() == len(found)


def test_toy_points_depend_on_their_number_alone():
    small, large = (load_dataset('toy:rings', num_examples=n) for n in (100, 1000))
    assert small.features == ('x', 'y') and small.image_type == 'float32'
    np.testing.assert_array_equal(points(small.train), points(large.train)[:81])
    parts = [points(split) for split in (small.train, small.validation, small.test)]
    assert [len(part) for part in parts] == [81, 9, 10]
    assert len(np.unique(np.concatenate(parts), axis=0)) == 100
    np.testing.assert_array_equal(np.concatenate(parts), points(large.train)[:100])


def test_unknown_toys_are_refused():
    with pytest.raises(ValueError, match="one of moons, rings, checkerboard.*'moon'.*Did you mean"):
        load_dataset('toy:moon')
    assert density_of('toy:moons') and not density_of('csv:x') and not density_of(None)


def test_csv_with_and_without_header(tmp_path):
    path = tmp_path / 'a.csv'
    path.write_text('width,height,id\n1,2,7\n\n3.5,-4e1,8\n')
    numbers, names = read_csv(path)
    np.testing.assert_array_equal(numbers, [[1, 2, 7], [3.5, -40, 8]])
    assert names == ('width', 'height', 'id')
    numbers, names = read_csv(path, ['height', 1])
    np.testing.assert_array_equal(numbers, [[2, 1], [-40, 3.5]])
    assert names == ('height', 'width')
    path.write_text('1;2\n3;4\n')
    assert read_csv(path, delimiter=';')[1] == ('1', '2')
    np.testing.assert_array_equal(read_vectors(str(path), ['u', 'v'], ';'), [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    'text, message',
    [
        ('a,b\n1,2\n3,x\n', "line 3, column b: a cell must be a finite number; got 'x'"),
        ('a,b\n1,2\n3,nan\n', "line 3, column b: a cell must be a finite number; got 'nan'"),
        ('1,2\n3,\n', 'line 2, column 2: a cell must be a finite number; got an empty cell'),
        ('1,2\n3,4,5\n', 'line 2: each line must have 2 cells, as the first one; got 3'),
        ('a,b\n', 'must hold rows of numbers; it is empty'),
        ('', 'must hold rows of numbers; it is empty'),
        ('a,a\n1,2\n', "different names; got 'a' twice"),
    ],
)
def test_bad_csv_names_line_and_column(tmp_path, text, message):
    (tmp_path / 'bad.csv').write_text(text)
    with pytest.raises(ValueError, match=message):
        load_dataset(f'csv:{tmp_path}/bad.csv')


def test_csv_source_holds_out_by_row(tmp_path):
    rows = np.random.default_rng(0).normal(size=(300, 3))
    path = tmp_path / 'table.csv'
    np.savetxt(path, rows, delimiter=',', header='a,b,c', comments='')
    found = load_dataset(f'csv:{path}')
    assert found.features == ('a', 'b', 'c') and '300 rows of 3 features' in found.notes[0]
    assert found.kind == 'vectors of 3 features' and found.image_shape == (1, 1, 3)
    parts = [points(split) for split in (found.train, found.validation, found.test)]
    assert sum(map(len, parts)) == 300 and all(len(part) > 10 for part in parts)
    np.savetxt(path, np.concatenate([rows, [[9, 9, 9]]]), delimiter=',')
    more = points(load_dataset(f'csv:{path}').test)
    assert {tuple(row) for row in parts[2]} <= {tuple(row) for row in more}
    mean, std = channel_moments(found.train)
    np.testing.assert_allclose(mean, parts[0].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(std, parts[0].std(axis=0), rtol=1e-5)


def test_arrays_of_vectors(tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 4))
    np.savez(tmp_path / 'a.npz', x_train=rows[:40], x_test=rows[40:].astype(np.float32))
    found = load_dataset(f'npz:{tmp_path}/a.npz')
    assert found.test.num_examples == 20 and found.features == ('1', '2', '3', '4')
    np.testing.assert_allclose(points(found.test), rows[40:], rtol=1e-6)
    given = as_dataset(rows)
    assert given.image_type == 'float32' and given.image_shape == (1, 1, 4)
    with pytest.raises(ValueError, match='have no labels'):
        as_dataset((rows, np.zeros(60, int)))


@pytest.mark.parametrize(
    'rows, message',
    [
        (np.array([[1.0, 2], [3, np.nan]]), r'got nan in row 1 \(from 0\), feature 2'),
        (1e9 + np.arange(20.0).reshape(10, 2), 'float32 cannot tell apart. Subtract a constant'),
        (np.array([['a', 'b']]), 'must be real numbers'),
    ],
)
def test_bad_vectors_are_named(rows, message):
    with pytest.raises(ValueError, match=message):
        as_dataset(rows)
