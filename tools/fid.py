"""Frechet distance of samples to images: `python tools/fid.py --train_dir=runs/cifar10
--data_dir=DATA --inception_weights=FILE` (Wolf, table 2).
"""

import pathlib
import sys

sys.path.insert(
    0, str(pathlib.Path(__file__).resolve().parents[1])
)  # so that a clone that is not installed will do

import os

from tfwolf.commands import flags, opening
from tfwolf.commands import main as command
from tfwolf.metrics.feature_moments import load_moments, save_moments
from tfwolf.metrics.fid import moments_of_path, reference_moments, sample_moments
from tfwolf.metrics.frechet import frechet_distance
from tfwolf.metrics.image_features import make_extractor

# Wolf, table 2.
PAPER = 37.52


def define_flags(options: flags.Flags) -> None:
    """Defines the flags of this command alone."""
    options.string(
        'features',
        'inception2015',
        'inception2015 (whose distances alone may stand beside those of papers), keras, pixels, '
        'or a '
        'function of your own as module:function.',
    )
    options.string(
        'inception_weights',
        None,
        "File of Inception's weights; default: looked for in Keras's cache.",
    )
    options.integer(
        'num_samples',
        10_000,
        'Samples; the distance depends on how many, and papers take 50,000.',
        lower_bound=2,
    )
    options.real('temperature_v', 1.0, "Factor on v's noise.", lower_bound=0.0)
    options.real(
        'temperature_z', 1.0, 'Factor on the noise that the prior makes z from.', lower_bound=0.0
    )
    options.string(
        'images', None, 'Instead of samples: a folder of image files, or an .npz with `images`.'
    )
    options.choice(
        'split',
        'train',
        ['train', 'test'],
        'The images to compare with; train is those of validation too.',
    )
    options.integer('num_reference', None, 'How many of them; default: all.', lower_bound=2)
    options.string(
        'reference_statistics',
        None,
        'Instead of images of a split: a file that --save_statistics wrote.',
    )
    options.string(
        'save_statistics', None, 'Write the statistics of the images compared with to this file.'
    )


def main(options: flags.Flags) -> None:
    """Runs the command."""
    for instead, others in (
        ('images', ('num_samples', 'temperature_v', 'temperature_z')),
        ('reference_statistics', ('split', 'num_reference', 'save_statistics')),
    ):
        for flag in others:
            if getattr(options, instead) and options.given(flag):
                raise ValueError(f'--{flag} has no use with --{instead}. Give one of them.')
    extractor = make_extractor(options.features, options.inception_weights)
    run = opening.open_run(options)
    reference = load_moments(options.reference_statistics) if options.reference_statistics else None
    if reference:
        reference.check_same_extractor(extractor.identity)
    shown = options.images and os.path.abspath(options.images)
    temperatures = options.chosen('temperature_v', 'temperature_z')
    folder = opening.result_folder(
        options,
        'fid',
        run,
        {
            'extractor': extractor.identity,
            'images': shown,
            'reference': reference.source if reference else None,
            **options.chosen('num_samples', 'split', 'num_reference'),
            **temperatures,
        },
    )
    if reference is None:
        reference = reference_moments(run.dataset, options.split, extractor, options.num_reference)
        if options.save_statistics:
            save_moments(options.save_statistics, reference)
            folder.wrote(os.path.abspath(options.save_statistics))
    if shown:
        moments, about = (
            moments_of_path(options.images, extractor, run.model.image_shape),
            {'images': shown},
        )
    else:
        moments, num_not_finite = sample_moments(
            opening.coder(options, run),
            extractor,
            options.num_samples,
            options.seed,
            **temperatures,
        )
        about = {'num_not_finite': num_not_finite, **temperatures}
        if num_not_finite:
            print(
                f'{num_not_finite} samples hold values that are not finite; they count as the '
                'images that they decode to, black where they are broken.'
            )
    distance, dim = frechet_distance(moments, reference.moments), len(moments.mean)
    for count, name in (
        (moments.count, 'images' if shown else 'samples'),
        (reference.moments.count, 'images compared with'),
    ):
        if count <= dim:
            print(
                f'WARNING: {count:,} {name} are too few for {dim:,} features: the covariance is '
                'singular, and the distance far too large.'
            )
    paper = (
        {'paper': PAPER}
        if extractor.comparable and reference.source['dataset'] == 'cifar10'
        else {}
    )
    print(
        f'Frechet distance {distance:.4f} ({options.features}, {moments.count:,} against '
        f'{reference.moments.count:,} images)'
        + (
            f"; Wolf's paper {PAPER}"
            if paper
            else ''
            if extractor.comparable
            else '; not comparable with distances in papers'
        )
    )
    folder.finish(
        {
            'frechet_distance': distance,
            'comparable_with_papers': extractor.comparable,
            'extractor': extractor.identity,
            'num_features': dim,
            'num_images': moments.count,
            **about,
            'num_reference': reference.moments.count,
            'reference': reference.source,
            **paper,
        }
    )


if __name__ == '__main__':
    command.run(main, define_flags, flags.results)
