"""The sets of images that `tfwolf distance` compares."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfwolf.analysis.sampling import draw_samples
from tfwolf.cli import opening
from tfwolf.cli.flags import Flags
from tfwolf.data.other_images import other_images
from tfwolf.evaluation.corruptions import Corruption
from tfwolf.runs.run import Run

# Images of the run that are not among the reference images.
OTHERS = 'other images'


def number_of_images(options: Flags, run: Run, most_by_default: int) -> int:
    """Return the number of images of each set: --num_images, or half of the test images.

    Args:
        options: the flags.
        run: the `Run`.
        most_by_default: largest number if the flag is not given.

    Raises:
        ValueError: if there are not as many test images.
    """
    most = run.dataset.test.num_examples // 2
    if most < 2:
        raise ValueError(
            f'The distance needs at least 4 test images; {run.dataset.title} has '
            f'{run.dataset.test.num_examples}.'
        )
    count = options.num_images or min(most, most_by_default)
    if count > most:
        raise ValueError(
            f'--num_images must be at most {most:,}, half of the test images of '
            f'{run.dataset.title}: one half is compared with the other. Got {count:,}.'
        )
    return count


def two_halves(run: Run, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first `count` test images of a run, and as many that follow them."""
    images = run.dataset.test.load(tf.range(2 * count, dtype=tf.int64))['image'].numpy()
    return images[:count], images[count:]


def judged_sets(
    options: Flags, run: Run, others: np.ndarray, count: int, corruptions: Mapping[str, Corruption]
) -> tuple[dict[str, np.ndarray], int]:
    """Return `{name: images}` of what is judged, and how many samples are not finite.

    Args:
        options: the flags.
        run: the `Run`.
        others: images of the run that are not reference images.
        count: number of images of each set.
        corruptions: `{text: Corruption}`, applied to `others`.
    """
    sets, num_not_finite = {OTHERS: others}, 0
    num_samples = count if options.num_samples is None else options.num_samples
    if num_samples:
        drawn = draw_samples(
            opening.coder(options, run),
            num_samples,
            options.seed,
            options.temperature_v,
            options.temperature_z,
        )
        num_not_finite = int((~drawn.finite).sum())
        if drawn.finite.sum() >= 2:
            sets['samples'] = drawn.images[drawn.finite]
        else:
            print(f'Fewer than two of {num_samples} samples are finite: they are not judged.')
    for source in options.against:
        sets[source] = other_images(
            source, count, run.model.image_shape, options.data_dir, options.download
        )
    for text, apply in corruptions.items():
        sets[text] = apply(others, options.seed)
    return sets, num_not_finite
