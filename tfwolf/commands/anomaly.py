"""Show how unusual images are, and where in the image."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags

if TYPE_CHECKING:
    from tfwolf.models.wolf import Wolf
    from tfwolf.runs.run import Run

EXAMPLES = (
    'anomaly --train_dir=runs/cifar10 --against=digits --artefact=patch:8',
    'anomaly --train_dir=runs/cifar10 --images=a.png,b.png --resize',
)

# Name of the images of the run, or of the user's files, in tables and pictures.
OWN = 'images'


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Anomaly')
    options.integer('num_images', 256, 'Number of images of each set.', lower_bound=1)
    options.repeated(
        'against',
        'Other images to compare with: a source (digits, tfds:NAME), a folder or a NumPy file. '
        "They are brought to the model's size.",
        'SOURCE',
    )
    options.repeated(
        'artefact',
        'Also compare with the same images with an artefact: noise:STD (of 255), blur:STD (in '
        'pixels), patch:WIDTH (a square of noise) or jpeg:STRENGTH (100 - quality).',
        'KIND:AMOUNT',
    )
    options.string(
        'background',
        None,
        'Another run for the likelihood ratio, such as a flow of the background.',
        'RUN',
    )
    options.integer(
        'num_samples', 64, 'Samples of the model for typicality; 0 for none.', lower_bound=0
    )
    options.integer(
        'num_draws',
        4,
        'Draws of the noise, over which scores and maps are averaged.',
        lower_bound=1,
    )
    options.integer('num_shown', 8, 'Images of each set in the picture.', lower_bound=1)
    groups.images(options)
    groups.grids(options)
    groups.results(options)


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.cli import images, opening
    from tfwolf.cli.anomaly_results import (
        draw_histograms,
        draw_maps,
        separations,
        table,
        write_maps,
        write_scores,
    )
    from tfwolf.data.other_images import other_images
    from tfwolf.evaluation.corruptions import parse_corruption
    from tfwolf.evaluation.unusual_scores import SCORES, check_background, unusual_scores
    from tfwolf.runs.run import load

    corruptions = {text: parse_corruption(text) for text in options.artefact}
    run = opening.open_run(options)
    model, count = run.model, options.num_images
    model.check_unconditional('The score of unusual images')
    opening.check_without_labels(run, 'The scores are')
    background = load(options.background).model if options.background else None
    if background is not None:
        check_background(model, background)
    chosen = images.chosen_images(options, run, count)
    sets = {
        OWN: chosen.images,
        **{
            source: other_images(
                source, count, model.image_shape, options.data_dir, options.download
            )
            for source in options.against
        },
        **{text: apply(chosen.images, options.seed) for text, apply in corruptions.items()},
    }
    settings = options.chosen('against', 'artefact', 'background', 'num_samples', 'num_draws')
    folder = opening.result_folder(options, 'anomaly', run, {**chosen.details, **settings})
    of_samples = _samples_bits(options, run)
    scores, maps = {}, {}
    for name, found in sets.items():
        maps[name], bits = _bits(options, model, found)
        of_background = None if background is None else _bits(options, background, found)[1]
        scores[name] = unusual_scores(found, bits, model.color_bits, of_samples, of_background)
    write_scores(folder, scores, maps, chosen.names)
    write_maps(folder, maps)
    draw_maps(folder, sets, maps, options.num_shown)
    draw_histograms(folder, scores)
    areas = separations(scores, OWN, options.seed)
    print(table(scores, areas))
    folder.finish(
        {
            'scores': {score: SCORES[score] for score in scores[OWN]},
            'num_samples_finite': 0 if of_samples is None else len(of_samples),
            'sets': {
                name: {
                    'num_images': len(sets[name]),
                    'mean': {score: float(np.mean(values)) for score, values in of_set.items()},
                    'auroc': {score: area._asdict() for score, area in areas.get(name, {}).items()},
                }
                for name, of_set in scores.items()
            },
        }
    )


def _bits(options: Flags, model: Wolf, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the bits of each pixel, `[num_images, height, width]`, and bits/dim of images."""
    from tfwolf.evaluation.likelihood_map import likelihood_map

    shares, nll_nats = likelihood_map(
        model, images, options.seed, None, options.num_draws, options.batch_size
    )
    return -shares / math.log(2), np.asarray(model.values.unit.of(nll_nats, model.num_dims))


def _samples_bits(options: Flags, run: Run) -> np.ndarray | None:
    """Return bits/dim of finite samples, or None if there are not enough for typicality."""
    from tfwolf.evaluation.sample_quality import bits_of_finite_samples

    if not options.num_samples:
        return None
    bits = bits_of_finite_samples(
        run.model, options.num_samples, options.batch_size, options.seed, run.strategy
    )
    if len(bits) >= 2:
        return bits
    print(f'Fewer than two of {options.num_samples} samples are finite: there is no typicality.')
    return None
