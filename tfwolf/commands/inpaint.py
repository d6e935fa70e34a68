"""Fill in unknown pixels, or remove noise, with the model as the prior."""

from __future__ import annotations

import numpy as np

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags

EXAMPLES = (
    'inpaint --train_dir=runs/cifar10 --mask=right --num_draws=3',
    'inpaint --train_dir=runs/cifar10 --images=photo.png --mask=mask.png --method=map',
    'inpaint --train_dir=runs/cifar10 --mask=none --noise=20',
)

METHODS = ('langevin', 'map')
# Color of unknown pixels in the picture.
GREY = 128


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Inpainting')
    options.string(
        'mask',
        'center',
        'Unknown pixels: left, right, top, bottom, center, random:SHARE, none, or a picture of the '
        "images' size in which they are white.",
        'MASK',
    )
    options.choice(
        'method',
        'langevin',
        METHODS,
        'Draw from the model given the known pixels, or take the most probable v and z.',
    )
    options.integer('num_draws', 1, 'Draws for each image (langevin).', lower_bound=1)
    options.integer('num_steps', 500, 'Steps; each decodes the images once.', lower_bound=1)
    options.real(
        'noise',
        0.0,
        'Standard deviation of noise in the known pixels, of 255. 0 keeps them exactly.',
        lower_bound=0.0,
    )
    options.integer('num_images', 8, 'Number of images, one per column.', lower_bound=1)
    groups.images(options)
    groups.grids(options)
    groups.results(options)


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.analysis.inpainting import Inpainter
    from tfwolf.cli import images, opening
    from tfwolf.cli.image_names import image_names
    from tfwolf.cli.masks import known_pixels
    from tfwolf.core import seeds
    from tfwolf.core.progress import progress_bar
    from tfwolf.pictures.grids import marked
    from tfwolf.plots.labelled_grid import Labels

    samples = options.method == METHODS[0]
    if not samples and options.given('num_draws'):
        raise ValueError('--method=map has one result for each image; leave out --num_draws.')
    run = opening.open_run(options)
    paint = Inpainter(run.model, options.num_steps, samples)
    chosen = images.chosen_images(options, run, options.num_images)
    count, height, width = chosen.images.shape[:3]
    known = known_pixels(options.mask, count, height, width, options.seed)
    settings = options.chosen('mask', 'method', 'num_draws', 'num_steps', 'noise')
    folder = opening.result_folder(options, 'inpaint', run, {**chosen.details, **settings})
    draws = []
    total = options.num_draws * options.num_steps
    with progress_bar(total, 0, 'Inpainting', 'step', True, delay=3) as bar:
        for draw in range(options.num_draws):
            seed = seeds.derive(options.seed, 'draw', draw)
            draws.append(paint(chosen.images, known, seed, options.noise, bar.update))
    names = image_names(chosen, run)
    title = 'draw {}' if samples else 'MAP'
    rows = [
        chosen.images,
        np.where(known[..., np.newaxis], chosen.images, GREY).astype(np.uint8),
        *(marked(found.images, found.finite) for found in draws),
    ]
    labels = Labels(
        rows=['image', 'known', *(title.format(number + 1) for number in range(len(draws)))],
        columns=names,
    )
    folder.grid('inpainted', np.concatenate(rows), count, labels)
    unknown = ~known[..., np.newaxis] if options.noise == 0 else np.ones_like(known[..., None])
    errors = [
        _root_mean_square(found.images.astype(float) - chosen.images, unknown) for found in draws
    ]
    folder.pictures(
        'images',
        {
            f'{position:04d}_{draw + 1}': image
            for draw, found in enumerate(draws)
            for position, image in enumerate(found.images)
        },
    )
    accepted = float(np.mean([found.accepted.mean() for found in draws]))
    agreement = float(np.sqrt(np.nanmean([found.error**2 for found in draws])))
    print(
        f'Before known pixels are set, they differ by {agreement:.2f} of 255 (root mean square); '
        f'{accepted:.0%} of the steps were accepted.'
    )
    folder.finish(
        {
            'num_images': count,
            'num_not_finite': int(sum((~found.finite).sum() for found in draws)),
            'known_pixels_rms_error': agreement,
            'rms_difference_from_images': float(np.mean(errors)),
            'share_accepted': accepted,
        }
    )


def _root_mean_square(difference: np.ndarray, where: np.ndarray) -> float:
    chosen = np.broadcast_to(where, difference.shape)
    return float(np.sqrt(np.mean(difference[chosen] ** 2))) if chosen.any() else 0.0
