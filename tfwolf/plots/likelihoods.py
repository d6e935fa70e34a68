"""Bits per dimension of single images: histograms, and against the length of a lossless file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing

from tfwolf.pictures.grids import image_grid
from tfwolf.plots.arrays import finite_vector
from tfwolf.plots.style import BLUE, HATCHES, ORANGE, WIDTH, charts, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BINS = 40
COLUMNS = 4


@styled
def likelihood_histogram(
    images_bits: np.typing.ArrayLike,
    samples_bits: np.typing.ArrayLike,
    most_likely: np.ndarray,
    least_likely: np.ndarray,
    samples_name: str = 'samples',
    images_name: str = 'test images',
) -> Figure:
    """Return histograms of bits/dim of images and of samples, and extreme images beside.

    Both have the same bins and are densities, so that their numbers of images may differ.

    Args:
        images_bits: `[num_images]`, bits/dim of images.
        samples_bits: `[num_samples]`, of samples under the same model; may be empty.
        most_likely, least_likely: uint8 `[num_shown, height, width, channels]`, the images with the
            smallest and with the largest bits/dim.
        samples_name, images_name: what they are, for the legend.

    Raises:
        ValueError: if a value is not finite, or there are no images to show.
    """
    sets = [(images_name, finite_vector('images_bits', images_bits), BLUE, HATCHES[0])]
    if np.size(samples_bits):
        sets.append((samples_name, finite_vector('samples_bits', samples_bits), ORANGE, HATCHES[1]))
    together = np.concatenate([values for _, values, _, _ in sets])
    edges = np.histogram_bin_edges(together, num_bins(len(together)))
    figure, axes = charts(1, 2, width=WIDTH)
    axis, pictures = axes
    for name, values, color, hatch in sets:
        axis.hist(
            values,
            edges.tolist(),
            density=True,
            histtype='stepfilled',
            facecolor=(color, 0.45),
            edgecolor=color,
            hatch=hatch,
            linewidth=1.2,
            label=f'{name} ({len(values):,}), mean {values.mean():.3f}',
        )
    axis.set(xlabel='bits/dim', ylabel='density')
    # Above the bars, which may reach any corner.
    axis.legend(loc='lower left', bbox_to_anchor=(0, 1.0))
    picture = _beside(image_grid(most_likely, COLUMNS), image_grid(least_likely, COLUMNS))
    pictures.imshow(picture, interpolation='none')
    height, width = picture.shape[:2]
    for place, text in ((0.0, 'most likely'), (0.5, 'least likely')):
        pictures.text(place * width + width * 0.02, -0.03 * height, text, va='bottom')
    pictures.axis('off')
    return figure


@styled
def against_file_length(coded_bits: np.typing.ArrayLike, model_bits: np.typing.ArrayLike) -> Figure:
    """Return bits/dim of each image under the model against those of a lossless file.

    Below the diagonal the model needs fewer bits than the coder. Simple images are likely under
    every model, hence likelihood alone does not say that an image is usual.

    Args:
        coded_bits: `[num_images]`, bits/dim of the file, see `evaluation.outliers`.
        model_bits: `[num_images]`, bits/dim under the model.

    Raises:
        ValueError: if lengths differ, or a value is not finite.
    """
    coded_bits = finite_vector('coded_bits', coded_bits)
    model_bits = finite_vector('model_bits', model_bits, len(coded_bits))
    figure, (axis,) = charts(height=WIDTH * 0.9)
    axis.plot(coded_bits, model_bits, 'o', color=BLUE, markersize=3, alpha=0.45, mew=0)
    low = min(coded_bits.min(), model_bits.min())
    high = max(coded_bits.max(), model_bits.max())
    axis.plot([low, high], [low, high], '--', color='black', linewidth=1, label='equal')
    fewer = np.mean(model_bits < coded_bits)
    axis.set(
        xlabel='lossless file (bits/dim)',
        ylabel='model (bits/dim)',
        title=f'The model needs fewer bits for {fewer:.0%} of {len(coded_bits):,} images',
    )
    axis.set_aspect('equal')
    axis.legend()
    return figure


def num_bins(count: int) -> int:
    """Return the number of bins of a histogram of `count` values, at most `MOST_BINS`."""
    return min(MOST_BINS, max(10, round(1.5 * count**0.5)))


def _beside(left, right):
    """Return two pictures of equal height next to each other, with a gap."""
    height = max(len(left), len(right))
    padded = [
        np.pad(part, ((0, height - len(part)), (0, 0), (0, 0)), constant_values=255)
        for part in (left, right)
    ]
    gap = np.full((height, max(4, height // 20), 3), 255, np.uint8)
    return np.concatenate([padded[0], gap, padded[1]], axis=1)
