"""Read the results of a tool for the report: numbers next to the paper's, pictures and notes."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from tfwolf.core.choices import UNIFORM
from tfwolf.core.paper_numbers import numbers_for
from tfwolf.report.page import Row


class Findings(NamedTuple):
    """Rows, pictures and notes, as in `page.Part`."""

    rows: Sequence[Row] = ()
    pictures: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()


def read_result(folder: str, name: str = 'result') -> dict[str, Any]:
    """Return the content of `NAME.json` in a folder."""
    with open(os.path.join(folder, f'{name}.json'), encoding='utf-8') as file:
        return json.load(file)


def of_samples(folder: str) -> Findings:
    """Return the `Findings` of `tfwolf sample`."""
    result = read_result(folder)
    at = [
        f'{row["num_not_finite"]} at {row["temperature_v"]:g}'
        for row in result['temperatures']
        if row['num_not_finite']
    ]
    rows = [
        Row('samples', f'{result["num_samples"]:,}'),
        Row(
            'of which are not finite',
            f'{result["num_not_finite"]}'
            + (f' ({", ".join(at)})' if len(result['temperatures']) > 1 and at else ''),
        ),
    ]
    return Findings(
        rows, pictures_of(folder, samples='Samples; samples that are not finite are crossed out')
    )


def of_reconstructions(folder: str) -> Findings:
    """Return the `Findings` of `tfwolf reconstruct`."""
    result = read_result(folder)
    rows = [
        Row('images reconstructed exactly', f'{result["num_exact"]} of {result["num_images"]}'),
        Row('largest error of a color value', f'{result["max_pixel_error"]} of 255'),
    ]
    if 'mean_difference_of_draws' in result:
        rows.append(
            Row(
                'mean change of a color value with another sample of z',
                f'{result["mean_difference_of_draws"]:.2f} of 255',
            )
        )
    return Findings(
        rows,
        pictures_of(
            folder,
            reconstructions='Images, their reconstructions, and the same v with other samples of z',
        ),
    )


def of_switch(folder: str) -> Findings:
    """Return the `Findings` of `tfwolf switch`."""
    result = read_result(folder)
    return Findings(
        [
            Row('pairs', f'{result["num_pairs"]}'),
            Row(
                'mean change of a color value with the other z',
                f'{result["mean_change"]:.2f} of 255',
            ),
        ],
        pictures_of(folder, switch='Pairs of images, and each with the z of the other'),
    )


def of_interpolation(folder: str) -> Findings:
    """Return the `Findings` of `tfwolf interpolate`."""
    result = read_result(folder)
    rows = [
        Row(f'corner {name.replace("_", " ")} is exact', 'yes' if same else 'no')
        for name, same in result['corners_equal'].items()
    ]
    return Findings(
        rows,
        pictures_of(
            folder,
            interpolation='From A (top left) to B (bottom right): z changes from row to row (α), '
            'v from column to column (β)',
        ),
    )


def of_latents(folder: str) -> Findings:
    """Return the `Findings` of `tfwolf latents`, of those of its parts that exist."""
    captions = {
        'attribute': {
            'attribute': 'Images moved along the mean direction of a class (Glow, section 6); the '
            'images themselves are in the middle'
        },
        'manifold': {
            'manifold': 'The surface through four images (Real NVP, equation 19), which are at 0 '
            'and 90 degrees'
        },
        'compression': {
            'compression_resampled': 'The coarsest part of v is kept, the rest is resampled (Real '
            'NVP, appendix D)',
            'compression_zeroed': 'The coarsest part of v is kept, the rest is zero',
        },
        'extrapolation': {
            'extrapolation_x2': 'Samples twice as large as the training images (Real NVP, '
            'appendix C)',
            'extrapolation_x10': 'Samples ten times as large',
        },
        'shuffle': {
            'shuffle': 'Images decoded with the labels of other images (Real NVP, appendix F)'
        },
    }
    pictures, rows = [], []
    for part, of_part in captions.items():
        if os.path.exists(os.path.join(folder, part, 'result.json')):
            pictures += pictures_of(os.path.join(folder, part), **of_part)
            broken = read_result(os.path.join(folder, part))['num_not_finite']
            rows.append(
                Row(
                    f'{part}: images that are not finite',
                    f'{sum(broken.values()) if isinstance(broken, dict) else broken}',
                )
            )
    return Findings(rows, pictures)


def of_probe(folder: str) -> Findings:
    """Return the `Findings` of `tfwolf probe`, of the tuned linear SVM."""
    result = read_result(folder, 'svm-tuned')
    rows = []
    for name, found in result['features'].items():
        low, high = found['interval_95']
        paper = result.get(f'paper_accuracy_{name}')
        rows.append(
            Row(
                f'accuracy by {name}',
                f'{found["accuracy"]:.2%} (95 %: {low:.2%} to {high:.2%}), C = {found["C"]:g}'
                + ('' if found['converged'] else ', did not converge'),
                '' if paper is None else f'{paper:.2%}',
            )
        )
    return Findings(
        rows,
        notes=[
            f'{result["protocol_in_words"]}; {result["num_train"]:,} training and '
            f'{result["num_test"]:,} test images. '
            'The paper uses all 50,000 training images and its full-size model.'
        ],
    )


def of_fid(folder: str) -> Findings:
    """Return the `Findings` of `tfwolf fid`."""
    result = read_result(folder)
    paper = f'{result["paper"]}' if 'paper' in result else ''
    rows = [
        Row('Frechet distance', f'{result["frechet_distance"]:.3f}', paper),
        Row('features', f'{result["extractor"]["name"]}, {result["num_features"]:,} of them'),
        Row('samples', f'{result["num_images"]:,}'),
        Row('of which are not finite', f'{result.get("num_not_finite", 0)}'),
        Row('images compared with', f'{result["num_reference"]:,}'),
    ]
    return Findings(
        rows,
        notes=[]
        if result['comparable_with_papers']
        else ['Distances of these features are not comparable with those in papers.'],
    )


def of_evaluation(result: dict[str, Any]) -> Findings:
    """Return the `Findings` of the result of `tfwolf.evaluate`, a dict."""
    low, high = result['bits_per_dim_interval_95']
    numbers = numbers_for(result['dataset'])
    dims, paper = numbers.num_dims, numbers.bits_per_dim
    kind = result.get('dequantization', UNIFORM)
    is_eight_bits = round(result['dequantization_nats'] / (dims * math.log(2))) == 7
    if not is_eight_bits or kind != UNIFORM or 'condition' in result:
        # 8 bits cost seven bits per dimension. The paper's bound is uniform, and of p(x).
        paper = ''
    rows = [
        Row(
            f'bits per dimension, {kind} dequantization',
            f'{result["bits_per_dim"]:.4f} (95 %: {low:.4f} to {high:.4f})',
            paper,
        ),
        Row(
            'importance-weighted bound',
            f'{result["bits_per_dim_iwae"]:.4f} with K = {result["num_samples"]}',
        ),
        Row('KL of z', f'{result["kl_nats"]:.2f} nats'),
        Row('images', f'{result["num_images"]:,} of {result["dataset"]}, {result["split"]}'),
    ]
    if 'condition' in result:
        rows.append(Row('given the condition', result['condition']))
    return Findings(
        rows,
        notes=['The paper trains its full-size models for up to 15,000 epochs.'] if paper else (),
    )


def pictures_of(folder: str, **captions: str) -> list[tuple[str, str]]:
    """Return `(path, caption)` of `NAME.png` for each caption whose picture exists."""
    found = [(os.path.join(folder, f'{name}.png'), caption) for name, caption in captions.items()]
    return [(path, caption) for path, caption in found if os.path.exists(path)]
