"""Measure the Frechet distance between samples and images (Wolf, table 2)."""

from __future__ import annotations

import os

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags

EXAMPLES = (
    'fid --train_dir=runs/cifar10 --data_dir=DATA --inception_weights=FILE',
    'fid --train_dir=runs/digits --features=pixels --num_samples=1000',
)


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Distance')
    options.string(
        'features',
        'inception2015',
        'Features: inception2015 (comparable with papers), keras, pixels, or your own '
        'module:function.',
        'NAME',
    )
    options.path(
        'inception_weights',
        None,
        "File with Inception's weights. Default: Keras's cache.",
        'FILE',
    )
    options.integer(
        'num_samples',
        10_000,
        'Number of samples. The distance depends on it; papers use 50,000.',
        lower_bound=2,
    )
    groups.temperatures(options)
    options.path(
        'images', None, 'Instead of samples: folder of image files, or .npz with `images`.', 'PATH'
    )
    options.choice(
        'split', 'train', ['train', 'test'], 'Reference images; train includes validation.'
    )
    options.integer('num_reference', None, 'Number of them. Default: all.', lower_bound=2)
    options.path(
        'reference_statistics',
        None,
        'Instead of reference images: a file that --save_statistics wrote.',
        'FILE',
    )
    options.path('save_statistics', None, 'Write the reference statistics to this file.', 'FILE')
    groups.results(options)


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.cli import opening
    from tfwolf.core.paper_numbers import numbers_for
    from tfwolf.metrics.feature_moments import load_moments, save_moments
    from tfwolf.metrics.fid import moments_of_path, reference_moments, sample_moments
    from tfwolf.metrics.frechet import frechet_distance
    from tfwolf.metrics.image_features import make_extractor

    for instead, others in (
        ('images', ('num_samples', 'temperature_v', 'temperature_z')),
        ('reference_statistics', ('split', 'num_reference', 'save_statistics')),
    ):
        for flag in others:
            if getattr(options, instead) and options.given(flag):
                raise ValueError(f'--{instead} does not accept --{flag}. Give one of them.')
    extractor = make_extractor(options.features, options.inception_weights)
    run = opening.open_run(options)
    if not options.images:
        run.model.check_unconditional('The distance of samples')
    reference = load_moments(options.reference_statistics) if options.reference_statistics else None
    if reference:
        reference.check_same_extractor(extractor.identity)
    shown = options.images and os.path.abspath(options.images)
    temperatures = options.chosen('temperature_v', 'temperature_z')
    if reference is None:
        # Opened first: a change of the images that was accepted belongs to the results.
        _ = run.dataset
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
                f'{num_not_finite} samples are not finite. They count as the images that they '
                'decode to, with black pixels where they are not finite.'
            )
    distance, dim = frechet_distance(moments, reference.moments), len(moments.mean)
    for count, name in (
        (moments.count, 'images' if shown else 'samples'),
        (reference.moments.count, 'images compared with'),
    ):
        if count <= dim:
            print(
                f'WARNING: {count:,} {name} are too few for {dim:,} features: the covariance is '
                'singular and the distance is far too large.'
            )
    reported = numbers_for(reference.source['dataset']).frechet_distance
    paper = {'paper': reported} if extractor.comparable and reported is not None else {}
    print(
        f'Frechet distance {distance:.4f} ({options.features}, {moments.count:,} against '
        f'{reference.moments.count:,} images)'
        + (
            f"; Wolf's paper {reported}"
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
