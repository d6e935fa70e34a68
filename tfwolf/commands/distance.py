"""Measure how far images are from those of the data set, without another network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags

if TYPE_CHECKING:
    from tfwolf.runs.run import Run

EXAMPLES = (
    'distance --train_dir=runs/cifar10 --num_images=500',
    'distance --train_dir=runs/cifar10 --against=generated/ --artefact=noise:10 --num_samples=0',
)

# Of the default number of images.
MOST_IMAGES = 500


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Distance')
    options.integer(
        'num_images',
        None,
        f'Number of images of each set. Default: half of the test images, at most {MOST_IMAGES}.',
        lower_bound=2,
    )
    options.integer(
        'num_samples',
        None,
        'Number of samples of the model; 0 for none. Default: as many as images.',
        lower_bound=0,
    )
    groups.temperatures(options)
    options.repeated(
        'against',
        'Images to judge: a folder, a NumPy file or a source (digits, tfds:NAME). They are brought '
        "to the model's size.",
        'SOURCE',
    )
    options.repeated(
        'artefact',
        'Also judge images of the data set with an artefact: noise:STD (of 255), blur:STD (in '
        'pixels), patch:WIDTH (a square of noise) or jpeg:STRENGTH (100 - quality).',
        'KIND:AMOUNT',
    )
    options.boolean(
        'pixel_distance',
        False,
        'Also compute the Frechet distance of pixels, to compare.',
    )
    groups.results(options)


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.cli import opening
    from tfwolf.cli.distance_results import OF_PIXELS, draw, table
    from tfwolf.cli.distance_sets import judged_sets, number_of_images, two_halves
    from tfwolf.evaluation.corruptions import parse_corruption
    from tfwolf.evaluation.likelihood_distance import likelihood_distance
    from tfwolf.metrics.fid import pixel_distances

    corruptions = {text: parse_corruption(text) for text in options.artefact}
    run = opening.open_run(options)
    run.model.check_unconditional('The distance of images')
    opening.check_without_labels(run, 'The distance is')
    count = number_of_images(options, run, MOST_IMAGES)
    reference, others = two_halves(run, count)
    folder = opening.result_folder(
        options,
        'distance',
        run,
        {
            'num_images': count,
            **options.chosen(
                'num_samples',
                'against',
                'artefact',
                'temperature_v',
                'temperature_z',
                'pixel_distance',
            ),
        },
    )
    sets, num_not_finite = judged_sets(options, run, others, count, corruptions)
    reference_bits = _bits(options, run, reference)
    rows = {}
    for name, images in sets.items():
        found = _bits(options, run, images)
        finite = found[np.isfinite(found)]
        rows[name] = {
            'num_images': len(images),
            'num_without_likelihood': len(images) - len(finite),
            'mean_bits_per_dim': float(finite.mean()),
            **likelihood_distance(finite, reference_bits, options.seed)._asdict(),
        }
    if options.pixel_distance:
        for name, distance in pixel_distances(sets, reference).items():
            rows[name][OF_PIXELS] = distance
    print(table(rows, count, float(reference_bits.mean())))
    if num_not_finite:
        print(f'{num_not_finite} samples were not finite and do not count.')
    draw(folder, rows)
    folder.finish(
        {
            'reference_bits_per_dim': float(reference_bits.mean()),
            'num_samples_not_finite': num_not_finite,
            'sets': rows,
        }
    )


def _bits(options: Flags, run: Run, images: np.ndarray) -> np.ndarray:
    """Return the bits/dim of each image, `[num_images]`."""
    from tfwolf.evaluation.sample_quality import bits_of_images

    return bits_of_images(run.model, images, options.batch_size, options.seed, run.strategy)
