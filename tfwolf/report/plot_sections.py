"""The sections of the plots: what each shows, its files, and its numbers."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfwolf.report.findings import read_result
from tfwolf.report.page import Part, Row


class PlotSection(NamedTuple):
    """A section of the page for a plot.

    Attributes:
        title, explanation: as in `Part`.
        captions: `{name of the file: caption}`.
        rows: function from the content of `result.json` to `Row`s.
    """

    title: str
    explanation: str
    captions: Mapping[str, str]
    rows: Callable[[dict[str, Any]], Sequence[Row]] = lambda result: ()


def _active(result: dict[str, Any]) -> list[Row]:
    count, kl = len(result['mean_variances']), sum(result['kl_to_standard_normal_nats'])
    return [
        Row('active dimensions of z', f'{result["num_active"]} of {count}'),
        Row('KL to N(0, 1)', f'{kl:.2f} nats'),
    ]


def _likelihoods(result: dict[str, Any]) -> list[Row]:
    rows = [Row('mean of test images', f'{np.mean(result["images_bits_per_dim"]):.3f} bits/dim')]
    if samples := result['samples_bits_per_dim']:
        rows.append(Row('mean of samples', f'{np.mean(samples):.3f} bits/dim'))
    return rows


def _file_length(result: dict[str, Any]) -> list[Row]:
    found = result['rank_correlation']
    shown = 'none' if found is None else f'{found:.2f}'
    return [Row('rank correlation with the length of the file', shown)]


def _layers(result: dict[str, Any]) -> list[Row]:
    errors = [layer['round_trip_error'] for layer in result['layers']]
    known = [error for error in errors if error is not None]
    worst = 'not finite' if len(known) < len(errors) else f'{max(known):.2g}'
    return [Row('largest round-trip error of a layer', worst), Row('layers', f'{len(errors)}')]


PLOTS = {
    'curves': PlotSection(
        'Learning curves',
        'Bits/dim and terms of training and validation images.',
        {'curves': 'Training: thin line; validation: dashed line with markers'},
    ),
    'terms': PlotSection(
        'Terms of the bound',
        'What the bits of training images are spent on, by step.',
        {'terms': 'The terms of the bound, stacked'},
    ),
    'kl': PlotSection(
        'What z uses',
        'KL of each dimension of q(z|x) to N(0, 1), and which dimensions are active (Burda et al., '
        '2016).',
        {
            'kl': 'KL of each dimension of z',
            'active_units': 'Variance over images of the mean of q(z|x)',
        },
        _active,
    ),
    'likelihoods': PlotSection(
        'Likelihoods of images',
        'Bits/dim of single test images and of samples, one draw of the noise each.',
        {'likelihoods': 'Histograms, and the most and the least likely test images'},
        _likelihoods,
    ),
    'file_length': PlotSection(
        'Likelihood and length of a file',
        'Simple images are likely under every model: likelihood alone does not say that an image '
        'is usual.',
        {'file_length': 'Bits/dim of the model against those of a lossless file'},
        _file_length,
    ),
    'calibration': PlotSection(
        'Calibration of v',
        'v of test images would be standard normal and independent under the true model.',
        {
            'calibration': 'Quantiles of v minus those of N(0, 1); correlation of neighbors',
            'correlation': 'Correlation of v with v shifted by (dx, dy)',
        },
    ),
    'invertibility': PlotSection(
        'Invertibility of layers',
        'Error of inverse and forward pass of each layer, and how much its inverse enlarges '
        'errors.',
        {'invertibility': 'By layer, from the image to v'},
        _layers,
    ),
    'temperature': PlotSection(
        'Temperature',
        'Bits/dim and roughness of samples over the temperature T of z and v, and the share that '
        'is not finite.',
        {
            'temperature': 'Bits/dim and total variation of samples over T',
            'not_finite': 'Share of samples that are not finite, with 95 % intervals',
        },
    ),
}
# The charts of other sections: {part: (plot, caption)}.
OF_PARTS = {
    'probe': ('probe', 'Accuracies in percent'),
    'fid': ('frechet', 'Distances that have been measured on this checkpoint'),
}


def chart_of_part(name: str, folder: str) -> list[tuple[str, str]]:
    """Return the chart of another part, (path, caption), if it has one and it was drawn.

    Args:
        name: of the part.
        folder: of all plots.
    """
    plot, caption = OF_PARTS.get(name, ('', ''))
    path = os.path.join(folder, plot, f'{plot}.svg')
    return [(path, caption)] if plot and os.path.exists(path) else []


def plot_parts(folder: str, command: Sequence[str]) -> list[Part]:
    """Return a `Part` for each plot in a folder.

    Args:
        folder: of all plots.
        command: that made them, without the name of the program.
    """
    found = []
    for name, section in PLOTS.items():
        place = os.path.join(folder, name)
        if not os.path.exists(os.path.join(place, 'result.json')):
            continue
        files = [
            (os.path.join(place, f'{file}.svg'), text) for file, text in section.captions.items()
        ]
        found.append(
            Part(
                section.title,
                section.explanation,
                f'tfwolf {shlex.join([*command, f"--show={name}"])}',
                section.rows(read_result(place)),
                [picture for picture in files if os.path.exists(picture[0])],
            )
        )
    return found
