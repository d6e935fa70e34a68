"""Samples: noise that depends on the seed and the sample alone, temperatures, classes, and the
command.
"""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from support.small_models import SHAPE, random_images, small_class_model, small_wolf
from support.tool_runs import result, run_tool
from tfwolf.analysis.coder import Code, Coder
from tfwolf.analysis.sampling import draw_samples
from tfwolf.core.image_noise import V, image_seeds, normal_per_image
from tfwolf.models.generation import sample_code
from tfwolf.pictures.grids import captioned, image_grid, marked


@pytest.fixture(scope='module')
def model():
    return small_wolf(images=random_images(32))


def code_of(model, num_samples, seed, **others):
    return Code(
        *(
            np.asarray(part)
            for part in sample_code(
                model.latent,
                model.image_shape,
                model.dtype,
                image_seeds(seed, num_samples),
                **others,
            )
        )
    )


def test_noise_is_standard_normal_and_another_for_every_sample(model):
    v = normal_per_image(SHAPE, image_seeds(3, 130), V).numpy()
    assert abs(v.mean()) < 0.02 and abs(v.std() - 1) < 0.02
    assert len(np.unique(v[:, 0, 0, 0])) == 130
    assert not np.array_equal(v[:5], normal_per_image(SHAPE, image_seeds(4, 5), V))


def test_a_sample_does_not_depend_on_how_many_there_are(model):
    whole = draw_samples(Coder(model, 32), 150, 0)
    np.testing.assert_array_equal(
        draw_samples(Coder(model, 32), 20, 0, first=100).images, whole.images[100:120]
    )
    with pytest.raises(
        ValueError, match='`num_samples` must be an integer of at least 1; got num_samples=0'
    ):
        draw_samples(Coder(model, 32), 0, 0)


def test_samples_do_not_depend_on_the_batch_size(model):
    first = draw_samples(Coder(model, 7), 10, 0)
    second = draw_samples(Coder(model, 3), 10, 0)
    assert first.images.shape == (10, *SHAPE) and first.images.dtype == np.uint8
    assert np.abs(first.images.astype(int) - second.images).max() <= 1


def test_temperatures_scale_v_and_z_apart(model):
    hot, cold = code_of(model, 4, 0), code_of(model, 4, 0, temperature_v=0.5, temperature_z=0)
    np.testing.assert_array_equal(hot.v, normal_per_image(SHAPE, image_seeds(0, 4), V))
    np.testing.assert_allclose(cold.v, hot.v / 2)
    np.testing.assert_array_equal(cold.z, np.broadcast_to(cold.z[:1], cold.z.shape))
    np.testing.assert_allclose(
        cold.z, model.latent.from_noise(tf.zeros([4, model.latent.dim])), rtol=1e-6
    )
    assert not np.array_equal(hot.z, cold.z)
    each = code_of(model, 4, 0, temperature_v=[1, 0.5, 1, 0])
    np.testing.assert_array_equal(each.v, np.stack([hot.v[0], cold.v[1], hot.v[2], 0 * hot.v[3]]))
    images = draw_samples(Coder(model, 4), 4, 0, 0, 0).images
    assert (images == images[0]).all()


@pytest.mark.parametrize('temperatures', [(-0.1, 1), (1, float('nan'))])
def test_a_bad_temperature_is_refused(model, temperatures):
    with pytest.raises(ValueError, match='`temperature_[vz]` must be'):
        draw_samples(Coder(model, 1), 1, 0, *temperatures)


def test_a_class_can_be_chosen_and_temperature_draws_it_still():
    class_model = small_class_model()
    np.testing.assert_array_equal(
        code_of(class_model, 4, 0, labels=[2] * 4).z, np.tile([[0, 0, 1]], [4, 1])
    )
    drawn = code_of(class_model, 64, 0, temperature_z=0).z
    assert (drawn.sum(axis=0) > 5).all()
    coder = Coder(class_model, 8)
    assert not np.array_equal(
        draw_samples(coder, 8, 0, label=0).images, draw_samples(coder, 8, 0, label=1).images
    )
    with pytest.raises(ValueError, match='from 0 to 2; got 3'):
        draw_samples(coder, 1, 0, label=3)


def test_a_label_needs_a_model_of_classes(model):
    with pytest.raises(ValueError, match='`label` needs a model whose z comes from class labels'):
        draw_samples(Coder(model, 1), 1, 0, label=0)
    with pytest.raises(
        ValueError,
        match='`labels` must be None for a model whose z does not come from class labels',
    ):
        model.sample(1, labels=[0])


def test_samples_that_are_not_finite_are_told_apart(model):
    z, v = code_of(model, 3, 0)
    v = np.where(np.arange(3)[:, None, None, None] == 1, np.inf, v)
    decoded = Coder(model, 2).decode(z, v)
    np.testing.assert_array_equal(decoded.finite, [True, False, True])
    shown = marked(decoded.images, decoded.finite)
    np.testing.assert_array_equal(shown[[0, 2]], decoded.images[[0, 2]])
    assert set(np.unique(shown[1])) == {128, 255}


def test_the_coder_inverts_itself_and_takes_numpy_rows(model):
    images = random_images(11, seed=5)
    coder = Coder(model, 4)
    code = coder.encode(images)
    decoded = coder.decode(*code)
    np.testing.assert_array_equal(decoded.images, images)
    assert decoded.finite.all()
    np.testing.assert_array_equal(coder.decode(*code[3:5]).images, images[3:5])
    with pytest.raises(TypeError, match=r'code\[\[3\]\]'):
        code[3]
    with pytest.raises(ValueError, match='same number of images; got 2 and 3'):
        coder.decode(code.z[:2], code.v[:3])
    with pytest.raises(ValueError, match='at least one image'):
        coder.encode(images[:0])


def test_captions_leave_the_grid_as_it_is():
    grid = image_grid(random_images(6), columns=3)
    shown = captioned(grid, ['a', 'bb'], ['0', '0.5', '1'])
    height, width, _ = grid.shape
    rows, columns = shown.shape[0] - height, shown.shape[1] - width
    assert rows > 10 and columns > 5
    places = [
        (rows, left)
        for left in range(columns + 1)
        if np.array_equal(shown[rows:, left : left + width], grid)
    ]
    assert (
        len(places) == 1
        and (shown[:rows] < 128).any()
        and (shown[rows:, : places[0][1]] < 128).any()
    )
    np.testing.assert_array_equal(captioned(grid), grid)


def test_the_command_draws_rows_of_temperatures(tiny_run, tmp_path):
    out = tmp_path / 'rows'
    printed, _ = run_tool(
        'sample',
        f'--train_dir={tiny_run}',
        '--temperatures=0,1',
        '--num_samples=5',
        '--save=npz',
        f'--output_dir={out}',
    )
    assert str(out) in printed and 'samples.png' in printed
    with np.load(out / 'samples.npz') as archive:
        images = archive['images'].reshape(2, 5, 8, 8, 1)
        assert archive['finite'].shape == (10,)
    assert (images[0] == images[0, 0]).all(), 'temperature 0 gives one picture'
    assert len(np.unique(images[1].reshape(5, -1), axis=0)) == 5
    found = result(out)
    assert found['num_samples'] == 10 and found['made_from']['checkpoint'] == 'ckpt-6'
    assert [row['temperature_v'] for row in found['temperatures']] == [0, 1]
    assert found['step'] == 6 and not (out / 'tensorboard').exists()
    _, error = run_tool(
        'sample', f'--train_dir={tiny_run}', '--num_samples=4', f'--output_dir={out}', fails=True
    )
    assert (
        'holds other results' in error
        and '--overwrite' in error
        and 'num_samples: 5 before, 4 now' in error
    )
    assert result(out) == found


def test_single_files_are_the_samples_themselves(tiny_run):
    run_tool(
        'sample', f'--train_dir={tiny_run}', '--num_samples=3', '--save=png', '--temperature_v=0'
    )
    folder = tiny_run / 'results' / 'ckpt-6' / 'sample'
    files = sorted(path.name for path in (folder / 'samples').iterdir())
    assert files == ['000000.png', '000001.png', '000002.png']
    assert np.asarray(Image.open(folder / 'samples' / files[0])).shape == (8, 8, 3)


@pytest.mark.parametrize(
    'flags, message',
    [
        (['--temperatures=0,warm'], 'must be comma-separated numbers of at least 0'),
        (['--temperatures=0', '--temperature_v=1'], 'Leave out --temperature_v'),
        (['--label=1'], 'needs a model whose z comes from class labels'),
        (['--checkpoint=7'], "no checkpoint '7'"),
        (['--gin_param=Encoder.widths = [5]'], 'another model than the one configured'),
    ],
)
def test_bad_input_is_told_in_words(tiny_run, tmp_path, flags, message):
    assert (
        message
        in run_tool(
            'sample', f'--train_dir={tiny_run}', f'--output_dir={tmp_path}/out', *flags, fails=True
        )[1]
    )


def test_other_settings_get_a_folder_of_their_own(tiny_run):
    """Without --output_dir commands never collide; the same command uses its folder again."""
    folder = tiny_run / 'results' / 'ckpt-6'
    before = {*folder.glob('sample*')}
    for count in ('2', '5', '2'):
        run_tool('sample', f'--train_dir={tiny_run}', f'--num_samples={count}', '--seed=9')
    new = sorted({*folder.glob('sample*')} - before)
    assert [result(path)['num_samples'] for path in new] == [2, 5]


def test_a_folder_of_other_files_is_left_alone(tiny_run, tmp_path):
    (tmp_path / 'mine.txt').write_text('mine')
    _, error = run_tool('sample', f'--train_dir={tiny_run}', f'--output_dir={tmp_path}', fails=True)
    assert 'is not empty and holds no results' in error and [
        path.name for path in tmp_path.iterdir()
    ] == ['mine.txt']
