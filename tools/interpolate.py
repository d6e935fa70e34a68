"""Shows what is between two images: `python tools/interpolate.py --train_dir=runs/digits --positions=3,17` (Wolf, figures 5 and 6)."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # so that a clone that is not installed will do
from tfwolf import quiet  # noqa: E402  # isort: skip  (before anything that imports TensorFlow)

from absl import flags
import numpy as np

from tfwolf import chosen_images, command, tool
from tfwolf.data.preprocess import at_num_bits
from tfwolf.evaluation.animation import write_animation
from tfwolf.evaluation.grids import captioned, image_grid, marked
from tfwolf.evaluation.interpolation import even_steps, interpolation_grid, switched

NUM_ALPHAS = flags.DEFINE_integer('num_alphas', 5, 'Steps from z of the first image to z of the second, a row each.', lower_bound=2)
NUM_BETAS = flags.DEFINE_integer('num_betas', 11, 'Steps from v of the first image to v of the second, a column each.', lower_bound=2)
ANIMATE = flags.DEFINE_enum('animate', None, ['gif', 'webp'], 'Also write an animation: there and back along beta, all alphas side by side.')
SECONDS = flags.DEFINE_float('seconds', 3.0, 'How long the animation takes there and back.', lower_bound=0.1)


def main():
    """Runs the command."""
    if SECONDS.present and not ANIMATE.value:
        raise ValueError('--seconds is for --animate.')
    run = tool.trained()
    chosen = chosen_images.chosen_images(run, 2)
    if len(chosen.images) != 2:
        raise ValueError(f'An interpolation is between two images; got {len(chosen.images)}.')
    has_z = run.model.latent.dim > 0
    if not has_z:
        print('This model has no z: one row, along v.')
    folder = tool.result_folder('interpolate', run, {**chosen.details, **tool.settings(NUM_ALPHAS, NUM_BETAS, ANIMATE)})
    coder = tool.coder(run.model)
    code = coder.encode(chosen.images, chosen.labels)
    grid = interpolation_grid(coder, code[:1], code[1:], even_steps(NUM_ALPHAS.value), even_steps(NUM_BETAS.value))
    flat = marked(grid.images.reshape(-1, *run.model.image_shape), grid.finite.reshape(-1))
    columns = len(grid.betas)
    picture = image_grid(flat, columns)
    folder.picture('interpolation', captioned(picture, [f'alpha {alpha:.3g}' for alpha in grid.alphas] if has_z else (),
                                              [f'beta {beta:.2g}' for beta in grid.betas]))
    if ANIMATE.value:
        name = f'interpolation.{ANIMATE.value}'
        frames = [image_grid(flat[column::columns], columns=len(grid.alphas)) for column in range(columns)]
        write_animation(folder.path(name), frames, SECONDS.value)
        folder.wrote(name)
    expected = {'image_a': (0, 0, chosen.images[0]), 'image_b': (-1, -1, chosen.images[1])}
    if has_z:
        (z_of_a, _), (z_of_b, _) = switched(coder, code[:1], code[1:])
        expected.update(z_of_b_v_of_a=(-1, 0, z_of_b[0]), z_of_a_v_of_b=(0, -1, z_of_a[0]))
    equal = {name: bool(np.array_equal(grid.images[row, column], at_num_bits(image, run.model.num_bits).numpy()))
             for name, (row, column, image) in expected.items()}
    print(f'Corners equal to the images{" and their switches" if has_z else ""}: {", ".join(f"{name}: {same}" for name, same in equal.items())}')
    folder.finish({'num_alphas': len(grid.alphas), 'num_betas': columns, 'corners_equal': equal,
                   'num_not_finite': int((~grid.finite).sum())})


if __name__ == '__main__':
    command.run(main)
