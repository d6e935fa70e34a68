"""Shows what is between two images: `python tools/interpolate.py --train_dir=runs/digits
--positions=3,17` (Wolf, figures 5 and 6).
"""

import pathlib
import sys

sys.path.insert(
    0, str(pathlib.Path(__file__).resolve().parents[1])
)  # so that a clone that is not installed will do

import numpy as np

from tfwolf.analysis.coder import Code, Coder
from tfwolf.analysis.interpolation import Grid, even_steps, interpolation_grid, switched
from tfwolf.commands import flags, images, opening
from tfwolf.commands import main as command
from tfwolf.data.preprocess import at_num_bits
from tfwolf.pictures.animation import write_animation
from tfwolf.pictures.grids import captioned, image_grid, marked


def define_flags(options: flags.Flags) -> None:
    """Defines the flags of this command alone."""
    options.integer(
        'num_alphas',
        5,
        'Steps from z of the first image to z of the second, a row each.',
        lower_bound=2,
    )
    options.integer(
        'num_betas',
        11,
        'Steps from v of the first image to v of the second, a column each.',
        lower_bound=2,
    )
    options.choice(
        'animate',
        None,
        ['gif', 'webp'],
        'Also write an animation: there and back along beta, all alphas side by side.',
    )
    options.real('seconds', 3.0, 'How long the animation takes there and back.', lower_bound=0.1)


def main(options: flags.Flags) -> None:
    """Runs the command."""
    if options.given('seconds') and not options.animate:
        raise ValueError('--seconds is for --animate.')
    run = opening.open_run(options)
    chosen = images.chosen_images(options, run, 2)
    if len(chosen.images) != 2:
        raise ValueError(f'An interpolation is between two images; got {len(chosen.images)}.')
    has_z = run.model.latent.has_z
    if not has_z:
        print('This model has no z: one row, along v.')
    folder = opening.result_folder(
        options,
        'interpolate',
        run,
        {**chosen.details, **options.chosen('num_alphas', 'num_betas', 'animate')},
    )
    coder = opening.coder(options, run)
    code = coder.encode(chosen.images, chosen.labels)
    grid = interpolation_grid(
        coder, code[:1], code[1:], even_steps(options.num_alphas), even_steps(options.num_betas)
    )
    flat = marked(grid.images.reshape(-1, *run.model.image_shape), grid.finite.reshape(-1))
    columns = len(grid.betas)
    folder.picture(
        'interpolation',
        captioned(
            image_grid(flat, columns),
            [f'alpha {alpha:.3g}' for alpha in grid.alphas] if has_z else (),
            [f'beta {beta:.2g}' for beta in grid.betas],
        ),
    )
    if options.animate:
        name = f'interpolation.{options.animate}'
        frames = [
            image_grid(flat[column::columns], columns=len(grid.alphas)) for column in range(columns)
        ]
        write_animation(folder.path(name), frames, options.seconds)
        folder.wrote(name)
    equal = _equal_corners(coder, grid, code, chosen.images)
    print(
        f'Corners equal to the images{" and their switches" if has_z else ""}: '
        f'{", ".join(f"{name}: {same}" for name, same in equal.items())}'
    )
    folder.finish(
        {
            'num_alphas': len(grid.alphas),
            'num_betas': columns,
            'corners_equal': equal,
            'num_not_finite': int((~grid.finite).sum()),
        }
    )


def _equal_corners(coder: Coder, grid: Grid, code: Code, pair: np.ndarray) -> dict[str, bool]:
    """Returns of each corner of the grid whether it is the image, or the switch, that belongs
    there.
    """
    expected = {'image_a': (0, 0, pair[0]), 'image_b': (-1, -1, pair[1])}
    if code.z is not None:
        (z_of_a, _), (z_of_b, _) = switched(coder, code[:1], code[1:])
        expected.update(z_of_b_v_of_a=(-1, 0, z_of_b[0]), z_of_a_v_of_b=(0, -1, z_of_a[0]))
    return {
        name: bool(
            np.array_equal(
                grid.images[row, column], at_num_bits(image, coder.model.num_bits).numpy()
            )
        )
        for name, (row, column, image) in expected.items()
    }


if __name__ == '__main__':
    command.run(main, define_flags, images.define_flags, flags.results)
