"""`tfwolf distance`: monotone in artefacts, small for other images, and errors."""

import re

import pytest

from support.tool_runs import result, run_tool

# Of growing amounts.
LEVELS = {'noise': ('noise:5', 'noise:20'), 'blur': ('blur:0.5', 'blur:2')}


@pytest.fixture(scope='module')
def digits(tmp_path_factory):
    """Returns the results of the shipped model of digits, and what was printed."""
    folder = tmp_path_factory.mktemp('distance') / 'results'
    printed, _ = run_tool(
        'distance',
        '--pretrained=digits',
        '--num_images=150',
        '--num_samples=60',
        '--pixel_distance',
        *(f'--artefact={text}' for level in LEVELS.values() for text in level),
        f'--output_dir={folder}',
    )
    return folder, printed


@pytest.mark.parametrize('kind', LEVELS)
def test_distances_grow_with_the_artefact(digits, kind):
    sets = result(digits[0])['sets']
    rows = [sets['other images'], *(sets[text] for text in LEVELS[kind])]
    for name in ('distance', 'frechet_distance_of_pixels'):
        values = [row[name] for row in rows]
        assert values == sorted(values) and len(set(values)) == len(values), (name, values)
    # The strongest is far from what happens by chance.
    assert rows[-1]['distance'] > 5 * rows[-1]['by_chance']


def test_other_images_and_samples_are_near(digits):
    folder, printed = digits
    sets = result(folder)['sets']
    other = sets['other images']
    assert other['distance'] < other['by_chance'] < 0.1
    assert other['ratio_low'] < 1 < other['ratio_high']
    assert sets['samples']['distance'] < sets['noise:20']['distance'] / 4
    assert sets['samples']['num_images'] == 60 and other['num_images'] == 150
    assert f'{other["distance"]:.4f}' in printed
    assert (folder / 'distances.png').stat().st_size > 5000


@pytest.mark.slow
def test_distances_of_photos_grow_from_the_least_artefact(shared, tmp_path):
    levels = ['noise:2', 'noise:10'], ['blur:0.5', 'blur:1'], ['jpeg:50', 'jpeg:90']
    run_tool(
        'distance',
        '--pretrained=cifar10_small',
        f'--data_dir={shared / "tfds"}',
        '--num_images=200',
        '--num_samples=0',
        *(f'--artefact={text}' for level in levels for text in level),
        f'--output_dir={tmp_path}/out',
    )
    sets = result(tmp_path / 'out')['sets']
    other = sets['other images']
    assert other['distance'] < other['by_chance']
    for level in levels:
        values = [sets[text]['distance'] for text in level]
        assert 2 * other['by_chance'] < values[0] < values[1], (level, values)


@pytest.mark.parametrize(
    'flags, message',
    [
        (['--num_images=181'], '--num_images must be at most 180, half of the test images'),
        (['--num_images=1'], 'num_images'),
        (['--artefact=fog:2'], "An artefact is one of .*got 'fog:2'"),
        (['--against=nothing/here'], "there is no 'nothing/here'"),
    ],
)
def test_bad_input_is_told_in_words(tmp_path, flags, message):
    error = run_tool(
        'distance', '--pretrained=digits', f'--output_dir={tmp_path}/out', *flags, fails=True
    )[1]
    assert re.search(message, error), error
