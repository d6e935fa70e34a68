"""Encodes images and decodes them again: `python tools/reconstruct.py --train_dir=runs/digits
--num_images=8 --num_draws=6`.
"""

import pathlib
import sys

sys.path.insert(
    0, str(pathlib.Path(__file__).resolve().parents[1])
)  # so that a clone that is not installed will do

import numpy as np

from tfwolf.analysis.reconstruction import reconstruct
from tfwolf.commands import flags, images, opening
from tfwolf.commands import main as command
from tfwolf.pictures.grids import captioned, image_grid, marked


def define_flags(options: flags.Flags) -> None:
    """Defines the flags of this command alone."""
    options.integer('num_images', 8, 'How many images, a column each.', lower_bound=1)
    options.integer(
        'num_draws', 6, 'Draws of z from the posterior of each image; 0 for none.', lower_bound=0
    )


def main(options: flags.Flags) -> None:
    """Runs the command."""
    run = opening.open_run(options)
    num_draws = options.num_draws
    if not options.given('num_draws') and not run.model.latent.has_posterior:
        print('This model has no posterior of z to draw from: exact reconstructions alone.')
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
    names = ['image', 'decoded', *(f'draw {draw + 1} of z' for draw in range(num_draws))]
    folder.picture(
        'reconstructions',
        captioned(image_grid(np.concatenate(rows), columns=len(chosen.images)), names),
    )
    result = {
        'num_images': len(chosen.images),
        'num_exact': found.num_exact,
        'max_pixel_error': found.max_pixel_error,
    }
    print(
        f'{found.num_exact} of {len(chosen.images)} images come back exactly; largest error '
        f'{found.max_pixel_error} of 255'
    )
    if num_draws:
        difference = np.abs(found.draws.astype(int) - found.exact[:, np.newaxis])
        result.update(
            num_not_finite=int((~found.finite).sum()),
            mean_difference_of_draws=float(difference.mean()),
        )
        print(
            f'Other draws of z change a colour value by {difference.mean():.2f} of 255 in the mean'
        )
    folder.finish(result)


if __name__ == '__main__':
    command.run(main, define_flags, images.define_flags, flags.results)
