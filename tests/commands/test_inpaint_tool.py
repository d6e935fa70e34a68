"""`tfwolf inpaint`: masks, known pixels, pictures and errors."""

import numpy as np
import pytest
from PIL import Image

from support.tool_runs import result, run_tool
from tfwolf.cli.masks import known_pixels
from tfwolf.pictures.description import read_description


@pytest.mark.parametrize('name', ['left', 'right', 'top', 'bottom'])
def test_a_half_is_unknown(name):
    known = known_pixels(name, 2, 6, 8, 0)
    assert known.shape == (2, 6, 8) and known.mean() == 0.5
    side = {'left': np.s_[:, :, :4], 'right': np.s_[:, :, 4:], 'top': np.s_[:, :3]}
    assert not known[side.get(name, np.s_[:, 3:])].any()


def test_other_masks(tmp_path):
    center = known_pixels('center', 1, 8, 8, 0)[0]
    assert not center[2:6, 2:6].any() and center.sum() == 48
    assert known_pixels('none', 1, 8, 8, 0).all()
    random = known_pixels('random:0.25', 3, 8, 8, 0)
    assert (random.sum(axis=(1, 2)) == 48).all() and np.any(random[0] != random[1])
    picture = np.zeros((8, 8), np.uint8)
    picture[1, 2] = 255
    Image.fromarray(picture).save(tmp_path / 'mask.png')
    known = known_pixels(str(tmp_path / 'mask.png'), 2, 8, 8, 0)
    assert not known[:, 1, 2].any() and known.sum() == 2 * 63


@pytest.mark.parametrize(
    'method, draws', [pytest.param('langevin', 2, marks=pytest.mark.slow), ('map', 1)]
)
def test_known_pixels_are_kept(tiny_run, tmp_path, method, draws):
    flags = [f'--num_draws={draws}'] if method == 'langevin' else []
    printed, _ = run_tool(
        'inpaint',
        f'--train_dir={tiny_run}',
        '--mask=right',
        f'--method={method}',
        '--num_steps=4',
        '--num_images=3',
        f'--output_dir={tmp_path / "results"}',
        *flags,
    )
    assert 'of the steps were accepted' in printed
    found = result(tmp_path / 'results')
    assert found['num_images'] == 3 and 0 <= found['share_accepted'] <= 1
    about = read_description(tmp_path / 'results' / 'inpainted.png')
    assert about['tool'] == 'inpaint' and about['mask'] == 'right'
    pictures = sorted((tmp_path / 'results' / 'images').glob('*.png'))
    assert len(pictures) == 3 * draws
    first = np.asarray(Image.open(pictures[0]))
    from tfwolf.runs.run import load

    image = load(tiny_run).dataset.test.load([0])['image'].numpy()[0]
    np.testing.assert_array_equal(first[:, :4, :1], image[:, :4])


@pytest.mark.parametrize(
    'flags, message',
    [
        (['--mask=lft'], '--mask must be one of left'),
        (['--mask=random:2'], 'must be between 0 and 1'),
        (['--method=map', '--num_draws=2'], 'leave out --num_draws'),
        (['--noise=-1'], 'noise'),
    ],
)
def test_errors(tiny_run, tmp_path, flags, message):
    _, errors = run_tool(
        'inpaint',
        f'--train_dir={tiny_run}',
        '--num_steps=1',
        f'--output_dir={tmp_path / "results"}',
        *flags,
        fails=True,
    )
    assert message in errors


def test_a_mask_of_another_size_is_an_error(tiny_run, tmp_path):
    Image.fromarray(np.zeros((4, 8), np.uint8)).save(tmp_path / 'mask.png')
    _, errors = run_tool(
        'inpaint', f'--train_dir={tiny_run}', f'--mask={tmp_path / "mask.png"}', fails=True
    )
    assert 'is 4x8 (height x width), and the images are 8x8' in errors
