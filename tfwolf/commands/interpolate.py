"""Interpolate between two images in z and v (Wolf, figures 5 and 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags

if TYPE_CHECKING:
    from tfwolf.analysis.coder import Coder
    from tfwolf.analysis.image_code import AnyCode
    from tfwolf.analysis.interpolation import Grid
    from tfwolf.plots.labelled_grid import Labels

EXAMPLES = (
    'interpolate --train_dir=runs/digits --positions=3,17',
    'interpolate --train_dir=runs/cifar10 --images=a.png,b.png --resize --animate=webp',
)


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Interpolation')
    options.integer(
        'num_alphas', 5, 'Steps from the first z to the second, one per row.', lower_bound=2
    )
    options.integer(
        'num_betas', 11, 'Steps from the first v to the second, one per column.', lower_bound=2
    )
    options.choice(
        'animate',
        None,
        ['gif', 'webp'],
        'Also write an animation along beta and back, with all alphas side by side.',
    )
    options.real('seconds', 3.0, 'Length of the animation.', lower_bound=0.1)
    groups.images(options)
    groups.grids(options)
    groups.results(options)


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.analysis.interpolation import even_steps, interpolation_grid
    from tfwolf.cli import images, opening
    from tfwolf.cli.image_names import image_names
    from tfwolf.pictures.animation import write_animation
    from tfwolf.pictures.grids import image_grid, marked

    if options.given('seconds') and not options.animate:
        raise ValueError('--seconds sets the length of an animation; give --animate, too.')
    run = opening.open_run(options)
    run.model.check_unconditional('The interpolation')
    chosen = images.chosen_images(options, run, 2)
    if len(chosen.images) != 2:
        raise ValueError(f'An interpolation needs two images; got {len(chosen.images)}.')
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
        coder, code[[0]], code[[1]], even_steps(options.num_alphas), even_steps(options.num_betas)
    )
    flat = marked(grid.images.reshape(-1, *run.model.image_shape), grid.finite.reshape(-1))
    columns = len(grid.betas)
    labels = _labels(grid, has_z, *image_names(chosen, run))
    folder.grid('interpolation', flat, columns, labels)
    if options.animate:
        name = f'interpolation.{options.animate}'
        frames = [
            image_grid(flat[column::columns], columns=len(grid.alphas)) for column in range(columns)
        ]
        write_animation(folder.path(name), frames, options.seconds, folder.about)
        folder.wrote(name)
    equal = _equal_corners(coder, grid, code, chosen.images)
    print(
        f'Corners equal the images{" and their switches" if has_z else ""}: '
        f'{", ".join(f"{name}: {same}" for name, same in equal.items())}'
    )
    _warn_of_broken(grid)
    folder.finish(
        {
            'num_alphas': len(grid.alphas),
            'num_betas': columns,
            'corners_equal': equal,
            'num_not_finite': int((~grid.finite).sum()),
        }
    )


def _labels(grid: Grid, has_z: bool, name_a: str, name_b: str) -> Labels:
    """Return the labels of the grid: which axis is z's and which v's, and the ends A and B."""
    from tfwolf.plots.labelled_grid import Labels

    rows = [f'α = {alpha:.3g}' for alpha in grid.alphas]
    columns = [f'β = {beta:.2g}' for beta in grid.betas]
    for texts, code in ((rows, 'z'), (columns, 'v')):
        texts[0], texts[-1] = f'{code} of A\n{texts[0]}', f'{code} of B\n{texts[-1]}'
    title, of_v = f'A: {name_a}, B: {name_b}', 'v: (1 − β) v of A + β v of B'
    if not has_z:
        return Labels(title, (), columns, '', of_v)
    return Labels(title, rows, columns, 'z: (1 − α) z of A + α z of B', of_v)


def _warn_of_broken(grid: Grid) -> None:
    """Warn of pictures of the grid that are not finite, corners first."""
    broken = int((~grid.finite).sum())
    if not broken:
        return
    corners = {
        name: bool(grid.finite[place])
        for name, place in (('a', (0, 0)), ('b', (-1, -1)), ('b, a', (-1, 0)), ('a, b', (0, -1)))
    }
    named = [f'(z, v) of {name}' for name, finite in corners.items() if not finite]
    print(
        f'WARNING: {broken} of {grid.finite.size} pictures are not finite and are crossed out'
        + (f', among them the corners {"; ".join(named)}' if named else '')
        + '. A young or diverged model does this; train longer or use another checkpoint.'
    )


def _equal_corners(coder: Coder, grid: Grid, code: AnyCode, pair: np.ndarray) -> dict[str, bool]:
    """Return for each corner of the grid whether it equals the image, or the switch, exactly."""
    from tfwolf.analysis.interpolation import switched
    from tfwolf.data.preprocess import at_num_bits

    expected = {'image_a': (0, 0, pair[0]), 'image_b': (-1, -1, pair[1])}
    if code.z is not None:
        (z_of_a, _), (z_of_b, _) = switched(coder, code[[0]], code[[1]])
        expected.update(z_of_b_v_of_a=(-1, 0, z_of_b[0]), z_of_a_v_of_b=(0, -1, z_of_a[0]))
    return {
        name: bool(
            np.array_equal(
                grid.images[row, column], at_num_bits(image, coder.model.color_bits).numpy()
            )
        )
        for name, (row, column, image) in expected.items()
    }
