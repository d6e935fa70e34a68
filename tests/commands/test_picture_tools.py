"""Reconstructions, switch and interpolation: exact where they must be, from the library and from
the commands.
"""

import numpy as np
import pytest
from PIL import Image

from support.small_models import SHAPE, random_images, small_flow_alone, small_wolf, stirred_wolf
from support.tool_runs import result, run_tool
from tfwolf.analysis.coder import Coder
from tfwolf.analysis.interpolation import (
    even_steps,
    interpolation_grid,
    pairs_within_class,
    switched,
)
from tfwolf.analysis.reconstruction import reconstruct
from tfwolf.data.preprocess import at_num_bits
from tfwolf.models.generation import between
from tfwolf.models.initialization import initialize
from tfwolf.pictures.animation import write_animation
from tfwolf.pictures.description import read_description

# Of image_grid, for digits: pixels of an image in a picture and from one to the next.
SIDE, STRIDE = 64, 66


@pytest.fixture(scope='module')
def coder():
    return Coder(stirred_wolf(), 5)


@pytest.fixture(scope='module')
def digits(tiny_run):
    """Returns the first images of the test split of digits, [20, 8, 8, 1]."""
    from tfwolf.data.digits import load_digits

    return load_digits(0.1).test.load(np.arange(20))['image'].numpy()


def cells(picture, rows, columns):
    """Returns the images in a picture of `rows` by `columns` images with captions left and above,
    [rows, columns, 8, 8].
    """
    array = np.asarray(Image.open(picture).convert('L'))
    top, left = array.shape[0] - rows * STRIDE, array.shape[1] - columns * STRIDE
    zoom = SIDE // 8
    return np.array(
        [
            [
                array[
                    top + row * STRIDE : top + row * STRIDE + SIDE : zoom,
                    left + column * STRIDE : left + column * STRIDE + SIDE : zoom,
                ]
                for column in range(columns)
            ]
            for row in range(rows)
        ]
    )


@pytest.mark.parametrize('num_bits', [8, pytest.param(5, marks=pytest.mark.slow)])
def test_reconstructions_are_exact_and_other_draws_are_not(num_bits):
    model = small_wolf(images=random_images(32), num_bits=num_bits)
    for variable in model.trainable_variables:
        variable.assign_add(np.full(variable.shape, 0.02))
    images = random_images(6, seed=1)
    found = reconstruct(Coder(model, 4), images, 3, seed=0)
    np.testing.assert_array_equal(found.exact, at_num_bits(images, num_bits))
    assert (
        (found.num_exact, found.max_pixel_error) == (6, 0)
        and found.draws.shape == (6, 3, *SHAPE)
        and found.finite.all()
    )
    assert len(np.unique(found.draws.swapaxes(0, 1).reshape(3, -1), axis=0)) == 3
    again = reconstruct(Coder(model, 4), images, 3, seed=0).draws
    np.testing.assert_array_equal(found.draws, again)
    for draw in range(3):
        of_model = model.reconstruct(images, seed=draw).numpy()
        assert (
            np.abs(found.draws[:, draw].astype(int) - of_model).max() <= 1
            and np.mean(found.draws[:, draw] != of_model) <= 1e-3
        )


def test_an_image_that_does_not_come_back_is_counted(coder):
    class Wrong(Coder):
        def decode(self, z, v):
            decoded = super().decode(z, v)
            decoded.images[2, 0, 0, 0] ^= 4
            return decoded

    found = reconstruct(Wrong(coder.model, 5), random_images(6, seed=1), 0, seed=0)
    assert (found.num_exact, found.max_pixel_error) == (5, 4)


def test_without_z_there_is_nothing_to_draw_or_switch():
    model = small_flow_alone('glow')
    initialize(model, random_images(32), 0)
    coder, images = Coder(model, 4), random_images(4)
    assert reconstruct(coder, images, 0, seed=0).num_exact == 4
    with pytest.raises(ValueError, match='`num_draws` must be 0'):
        reconstruct(coder, images, 1, seed=0)
    code = coder.encode(images)
    with pytest.raises(ValueError, match='needs a model with a latent z'):
        switched(coder, code[:2], code[2:])
    grid = interpolation_grid(coder, code[:1], code[1:2], even_steps(5), even_steps(4))
    assert grid.images.shape == (1, 4, *SHAPE)
    np.testing.assert_array_equal(grid.images[0, [0, -1]], images[:2])


def test_switching_an_image_with_itself_gives_it_back(coder):
    images = random_images(7, seed=2)
    code = coder.encode(images)
    for decoded in switched(coder, code, code):
        np.testing.assert_array_equal(decoded.images, images)


def test_corners_of_the_grid_are_the_images_and_their_switches(coder):
    images = random_images(2, seed=3)
    code = coder.encode(images)
    grid = interpolation_grid(coder, code[:1], code[1:], even_steps(5), even_steps(11))
    assert grid.images.shape == (5, 11, *SHAPE) and grid.finite.shape == (5, 11)
    z_of_a, z_of_b = switched(coder, code[:1], code[1:])
    for corner, image in (
        ((0, 0), images[0]),
        ((-1, -1), images[1]),
        ((-1, 0), z_of_b.images[0]),
        ((0, -1), z_of_a.images[0]),
    ):
        np.testing.assert_array_equal(grid.images[corner], image)
    assert not np.array_equal(z_of_a.images[0], images[1]), 'z must matter for this test'
    middle = coder.decode((code.z[:1] + code.z[1:]) / 2, 0.7 * code.v[:1] + 0.3 * code.v[1:])
    assert np.abs(grid.images[2, 3].astype(int) - middle.images[0]).max() <= 1


def test_places_are_even_and_ends_exact():
    np.testing.assert_allclose(even_steps(5), [0, 0.25, 0.5, 0.75, 1])
    first, second = np.float32([0.1, 1e30]), np.float32([0.7, 3])
    found = between(first[np.newaxis], second[np.newaxis], [0, 0.5, 1])[0].numpy()
    np.testing.assert_array_equal(found[[0, 2]], [first, second])
    np.testing.assert_allclose(found[1, 0], 0.4)
    with pytest.raises(
        ValueError, match='`num_steps` must be an integer of at least 2; got num_steps=1'
    ):
        even_steps(1)


def test_pairs_within_a_class_take_turns():
    labels = np.array([0, 1, 0, 1, 0, 0, 2, 0])
    np.testing.assert_array_equal(pairs_within_class(labels, 3), [[0, 2], [1, 3], [4, 5]])
    with pytest.raises(ValueError, match='3 pairs of images of one class among 8; `num_pairs` is'):
        pairs_within_class(labels, 4)
    with pytest.raises(ValueError, match='these images have none'):
        pairs_within_class(np.array([0, -1]), 1)


@pytest.mark.parametrize('ending', ['gif', 'webp'])
def test_animations_run_there_and_back(tmp_path, ending):
    frames = [np.full((8, 8, 3), value, np.uint8) for value in (0, 100, 200)]
    write_animation(str(tmp_path / f'a.{ending}'), frames, 2.0)
    with Image.open(tmp_path / f'a.{ending}') as animation:
        assert animation.n_frames == 4
        shown = []
        for number in range(4):
            animation.seek(number)
            shown.append(np.asarray(animation.convert('RGB'))[0, 0, 0])
            assert animation.info['duration'] == 500
    assert shown == [0, 100, 200, 100]
    with pytest.raises(ValueError, match='must end in .gif or .webp'):
        write_animation(str(tmp_path / 'a.png'), frames, 2.0)


@pytest.mark.parametrize('ending', ['gif', 'webp'])
def test_animations_say_what_they_were_made_from(tmp_path, ending):
    """Also at lengths of several blocks of a GIF; the same input gives the same bytes."""
    frames = [np.full((8, 8, 3), value, np.uint8) for value in (0, 100, 200)]
    about = {'seed': 1, 'images': [f'{number}.png' for number in range(200)]}
    paths = [tmp_path / f'{name}.{ending}' for name in 'ab']
    for path in paths:
        write_animation(str(path), frames, 2.0, about)
    assert read_description(paths[0]) == about
    assert paths[0].read_bytes() == paths[1].read_bytes()
    write_animation(str(paths[0]), frames, 2.0)
    with pytest.raises(ValueError, match='has no description of what it was made from'):
        read_description(paths[0])


def test_reconstruct_command(tiny_run, tmp_path, digits):
    printed, _ = run_tool(
        'reconstruct',
        f'--train_dir={tiny_run}',
        '--num_images=5',
        '--num_draws=2',
        f'--output_dir={tmp_path}/out',
    )
    assert '5 of 5 images are reconstructed exactly' in printed
    found = result(tmp_path / 'out')
    assert (
        found['num_exact'] == 5 and found['max_pixel_error'] == 0 and found['num_not_finite'] == 0
    )
    shown = cells(tmp_path / 'out' / 'reconstructions.png', 4, 5)
    np.testing.assert_array_equal(shown[0], digits[:5, ..., 0])
    np.testing.assert_array_equal(shown[1], at_num_bits(digits[:5, ..., 0], 4))


def test_switch_command(tiny_run, tmp_path, digits):
    run_tool(
        'switch', f'--train_dir={tiny_run}', '--positions=4,4,0,7', f'--output_dir={tmp_path}/out'
    )
    shown = cells(tmp_path / 'out' / 'switch.png', 4, 2)
    made_from = read_description(tmp_path / 'out' / 'switch.png')
    assert made_from == {**result(tmp_path / 'out')['made_from'], 'step': 6}
    assert made_from['images'] == [4, 4, 0, 7] and made_from['versions']['tfwolf']
    np.testing.assert_array_equal(shown[:2, 0], digits[[4, 4], ..., 0])
    np.testing.assert_array_equal(
        shown[2:, 0], at_num_bits(digits[[4, 4], ..., 0], 4), 'switch(a, a) is a'
    )
    np.testing.assert_array_equal(shown[:2, 1], digits[[0, 7], ..., 0])
    run_tool('switch', f'--train_dir={tiny_run}', '--within_class', '--num_pairs=3')
    made_from = result(tiny_run / 'results' / 'ckpt-6' / 'switch')['made_from']
    assert (
        made_from['labels'][0::2] == made_from['labels'][1::2]
        and len(set(made_from['labels'])) == 3
    )


def test_interpolate_command_with_own_files(tiny_run, tmp_path, digits):
    for name, image, size in (('a', digits[0], (8, 8)), ('b', digits[1], (24, 16))):
        Image.fromarray(image[..., 0]).resize(size, Image.Resampling.NEAREST).save(
            tmp_path / f'{name}.png'
        )
    own = f'--images={tmp_path}/a.png,{tmp_path}/b.png'
    _, error = run_tool('interpolate', f'--train_dir={tiny_run}', own, fails=True)
    assert 'b.png is 16x24 (height x width), and the model is for 8x8. With --resize' in error
    run_tool(
        'interpolate',
        f'--train_dir={tiny_run}',
        own,
        '--resize',
        '--num_betas=4',
        '--animate=webp',
        '--format=png,svg',
        f'--output_dir={tmp_path}/out',
    )
    found = result(tmp_path / 'out')
    assert found['corners_equal'] == dict.fromkeys(
        ['image_a', 'image_b', 'z_of_b_v_of_a', 'z_of_a_v_of_b'], True
    )
    assert (
        found['made_from']['images'] == ['a.png', 'b.png'] and found['made_from']['source'] is None
    )
    shown = cells(tmp_path / 'out' / 'interpolation.png', 5, 4)
    np.testing.assert_array_equal(shown[0, 0], at_num_bits(digits[0, ..., 0], 4))
    drawn = (tmp_path / 'out' / 'interpolation.svg').read_text()
    for text in ('α = 0.25', 'β = 0.33', 'z of A', 'v of B', 'A: a, B: b'):
        assert f'>{text}<' in drawn, text
    with Image.open(tmp_path / 'out' / 'interpolation.webp') as animation:
        assert animation.n_frames == 6
    assert read_description(tmp_path / 'out' / 'interpolation.webp') == {
        **found['made_from'],
        'step': 6,
    }


@pytest.mark.parametrize(
    'tool, flags, message',
    [
        ('interpolate', ['--positions=1,2,3'], 'An interpolation needs two images; got 3'),
        (
            'interpolate',
            ['--positions=1,400'],
            'has 360 images, numbered from 0; got position 400',
        ),
        ('interpolate', ['--images=a.png', '--split=train'], 'does not accept --split'),
        ('switch', ['--images=nowhere.png,b.png'], "There is no file 'nowhere.png'"),
        ('switch', ['--within_class', '--positions=1,2'], 'another flag chooses them by class'),
        ('switch', ['--positions=1,x'], '--positions must be comma-separated integers'),
    ],
)
def test_bad_input_is_told_in_words(tiny_run, tmp_path, tool, flags, message):
    assert (
        message
        in run_tool(
            tool, f'--train_dir={tiny_run}', f'--output_dir={tmp_path}/out', *flags, fails=True
        )[1]
    )
    assert not (tmp_path / 'out').exists()


def test_classes_need_labels(tiny_run, tmp_path):
    np.savez(tmp_path / 'plain.npz', images=random_images(40, (8, 8, 1)))
    source = f"--gin_param=dataset.source = 'npz:{tmp_path}/plain.npz'"
    _, error = run_tool(
        'switch',
        f'--train_dir={tiny_run}',
        source,
        '--within_class',
        f'--output_dir={tmp_path}/out',
        fails=True,
    )
    assert 'Pairs within a class need class labels; these images have none' in error
