"""Encode images and decode them, also with other draws of z."""

from __future__ import annotations

import numpy as np

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags

EXAMPLES = ('reconstruct --train_dir=runs/digits --num_images=8 --num_draws=6',)


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Reconstruction')
    options.integer('num_images', 8, 'Number of images, one per column.', lower_bound=1)
    options.integer(
        'num_draws', 6, 'Draws of z from the posterior of each image; 0 for none.', lower_bound=0
    )
    groups.images(options)
    groups.grids(options)
    groups.results(options)


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.analysis.reconstruction import reconstruct
    from tfwolf.cli import images, opening
    from tfwolf.cli.image_names import image_names
    from tfwolf.pictures.grids import marked
    from tfwolf.plots.labelled_grid import Labels

    run = opening.open_run(options)
    num_draws = options.num_draws
    if not options.given('num_draws') and not run.model.latent.has_posterior:
        print('This model has no posterior of z: exact reconstructions only.')
        num_draws = 0
    chosen = images.chosen_images(options, run, options.num_images)
    folder = opening.result_folder(
        options, 'reconstruct', run, {**chosen.details, 'num_draws': num_draws}
    )
    found = reconstruct(
        opening.coder(options, run), chosen.images, num_draws, options.seed, chosen.labels
    )
    rows = [
        chosen.images,
        found.exact,
        *(marked(found.draws[:, draw], found.finite[:, draw]) for draw in range(num_draws)),
    ]
    names = ['image', 'decoded', *(f'v, draw {draw + 1} of z' for draw in range(num_draws))]
    labels = Labels(rows=names, columns=image_names(chosen, run))
    folder.grid('reconstructions', np.concatenate(rows), len(chosen.images), labels)
    result: dict[str, float] = {
        'num_images': len(chosen.images),
        'num_exact': found.num_exact,
        'max_pixel_error': found.max_pixel_error,
    }
    print(
        f'{found.num_exact} of {len(chosen.images)} images are reconstructed exactly; '
        f'largest error {found.max_pixel_error} of 255'
    )
    if num_draws:
        difference = np.abs(found.draws.astype(int) - found.exact[:, np.newaxis])
        result.update(
            num_not_finite=int((~found.finite).sum()),
            mean_difference_of_draws=float(difference.mean()),
        )
        print(
            f'Other draws of z change a pixel value by {difference.mean():.2f} of 255 on average.'
        )
    folder.finish(result)
