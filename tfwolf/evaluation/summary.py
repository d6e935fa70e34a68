"""The result of an evaluation as one screen of text for people."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from typing import Any

from tfwolf.core.choices import NO_DEQUANTIZATION, UNIFORM, VARIATIONAL
from tfwolf.evaluation.invertibility import worst_layers
from tfwolf.evaluation.summary_rows import WIDTH, density_rows, meaning_of_kl, row

MAX_LINES, MAX_LAYERS = 24, 5
# Characters of what has changed in the images.
MAX_CHANGES = 200
# The arithmetic that is not mentioned.
EXACT = 'float32'
# Standard deviations from which the distance from samples is unusual.
UNUSUAL_DISTANCE = 2
# An inverse with a larger gain turns float32 rounding errors into visible errors.
LARGE_GAIN = 1e4

Result = Mapping[str, Any]


def as_text(result: Result) -> str:
    """Return at most 24 lines of 80 columns with the numbers of a result and what they mean.

    Parts that the result lacks are left out.

    Args:
        result: dict that `Run.evaluate` returns, the contents of `evaluation.json`.
    """
    numbers = [*_likelihood(result), *_diagnostics(result)]
    notes = [*_warnings(result), *_wrapped(result.get('likelihood_caveat', ''))]
    top = [*_title(result), '', *numbers]
    room = MAX_LINES - len(top) - len(notes) - bool(notes)
    layers = _layers(result, room)
    lines = [*top, *layers, *_custom(result, room - len(layers))]
    return '\n'.join(_cut(line) for line in [*lines, *([''] if notes else []), *notes])


def _title(result: Result) -> list[str]:
    name = ' '.join(filter(None, (result.get('dataset'), result.get('dataset_version'))))
    what = 'example' if 'nats_per_dim' in result else 'image'
    images = f'{result["num_images"]:,} {what}{"s" if result["num_images"] > 1 else ""}'
    lines = [
        f'{", ".join(filter(None, (name, result.get("split"))))}: {images}'.removeprefix(': ')
        + f', K = {result["num_samples"]} draw{"s" if result["num_samples"] > 1 else ""} per {what}'
    ]
    if 'checkpoint' in result:
        arithmetic = result.get('arithmetic', EXACT)
        noise = result.get('dequantization', UNIFORM)
        lines.append(
            f'{result["checkpoint"]}, {result.get("weights", "raw")} weights, '
            f'seed {result.get("seed", 0)}'
            f'{"" if arithmetic == EXACT else f", networks in {arithmetic}"}'
            f', {"continuous values" if noise == NO_DEQUANTIZATION else f"{noise} dequantization"}'
        )
    if 'condition' in result:
        lines.append(f'p(x|c), c = {result["condition"]}; do not compare with bits/dim of p(x)')
    return lines


def _likelihood(result: Result) -> list[str]:
    if 'nats_per_dim' in result:
        return density_rows(result)
    low, high = result['bits_per_dim_interval_95']
    interval = f'95 %: {low:.4f} to {high:.4f}' if result['num_images'] > 1 else 'one image'
    weighted = f'importance-weighted; {result["iwae_gap_bits_per_dim"]:.4f} below the mean bound'
    if result['num_samples'] == 1:
        weighted = 'importance-weighted; K > 1 makes it tighter'
    kl = result['kl_nats']
    learned = result.get('dequantization') == VARIATIONAL
    return [
        *row('bits/dim', f'{result["bits_per_dim"]:.4f}', f'lower is better ({interval})'),
        *row(
            f'IW bound, K = {result["num_samples"]}', f'{result["bits_per_dim_iwae"]:.4f}', weighted
        ),
        *row('KL of z', f'{kl:.2f} nats', meaning_of_kl(result)),
        *(_dequantizer(result) if learned else []),
    ]


def _dequantizer(result: Result) -> list[str]:
    return row(
        'log q(u|x)',
        f'{result["dequantizer_nats"]:.2f} nats',
        f'{result["dequantizer_bits_per_dim"]:.4f} bits/dim of the bound; not comparable with '
        'uniform dequantization',
    )


def _diagnostics(result: Result) -> list[str]:
    lines = []
    if (errors := result.get('reconstruction')) and 'num_not_exact' not in errors:
        lines += row(
            'round trip',
            _scientific(errors['max_round_trip_error']),
            'largest error of f^-1(f(x)), in standard deviations of the data',
        )
    elif errors:
        count, wrong = errors['num_images'], errors['num_not_exact']
        meaning = 'all must be exact' if wrong else 'every image returns exactly, as it must'
        if wrong:
            meaning += (
                f'; largest pixel error {errors["max_pixel_error"]} of {errors.get("white", 255)}'
            )
        lines += row('exact images', f'{count - wrong} of {count}', meaning)
        lines += row(
            'round trip',
            _scientific(errors['max_round_trip_error']),
            'largest error of f^-1(f(x)), x in [-1, 1]',
        )
    typical = result.get('typicality', {})
    if 'mean_distance' in typical:
        lines += row(
            'typicality',
            f'{typical["mean_distance"]:+.2f} std',
            f'distance from own samples; beyond {UNUSUAL_DISTANCE} is unusual',
        )
        lines += row(
            'unusual images',
            _percent(typical['share_outside_95_percent_of_samples']),
            'outside 95 % of own samples; about 5 % is normal',
        )
    elif typical:
        lines += row('typicality', 'unknown', 'fewer than two samples have a finite likelihood')
    if broken := result.get('non_finite_samples'):
        by_temperature = ', '.join(f'{name}: {_percent(share)}' for name, share in broken.items())
        lines += row(
            'broken samples',
            _percent(max(broken.values())),
            f'not finite at T = {by_temperature}'
            if any(broken.values())
            else f'all finite at T = {", ".join(broken)}',
        )
    return lines


def _layers(result: Result, room: int) -> list[str]:
    """Return a heading and the layers with the largest gain, if there is room."""
    count = min(MAX_LAYERS, room - 1)
    if not result.get('invertibility') or count < 1:
        return []
    lines = [
        f'Layers with the largest inverse gain (above {LARGE_GAIN:,.0f}, errors become visible):'
    ]
    for layer in worst_layers(result['invertibility'], count):
        start = (
            f'  gain {_scientific(layer["inverse_gain"])}  round trip '
            f'{_scientific(layer["round_trip_error"])}  {layer["kind"]}  '
        )
        name, left = layer['layer'], WIDTH - len(start)
        lines.append(start + (name if len(name) <= left else f'...{name[3 - left :]}'))
    return lines


KNOWN = {
    *('bits_per_dim', 'bits_per_dim_stderr', 'bits_per_dim_iwae', 'iwae_gap_bits_per_dim'),
    *('nll_nats', 'reconstruction_nats', 'kl_nats', 'dequantization_nats', 'has_posterior'),
    *('dequantizer_nats', 'dequantizer_bits_per_dim', 'dequantization', 'condition'),
    *('num_images', 'num_samples', 'num_not_finite', 'likelihood_caveat', 'dataset', 'split'),
    *('dataset_version', 'data_fingerprint', 'checkpoint', 'checkpoint_sha256', 'weights', 'seed'),
    *('nats_per_dim', 'nats_per_dim_stderr', 'nats_per_dim_iwae', 'iwae_gap_nats_per_dim'),
    *('arithmetic', 'entropy_nats'),
}


def _custom(result: Result, room: int) -> list[str]:
    """Return numbers and texts that custom evaluators added, if there is room."""
    added = {
        name: f'{value:.6g}' if isinstance(value, float) else str(value)
        for name, value in result.items()
        if name not in KNOWN and isinstance(value, (str, int, float))
    }
    return [f'{name}: {value}' for name, value in added.items()][: max(room, 0)]


def _warnings(result: Result) -> list[str]:
    notes = []
    if changed := '; '.join(result.get('accepted_data_changes', ())):
        text = f'NOTE: the images are not those of the training: {changed}'
        notes = _wrapped(textwrap.shorten(text, MAX_CHANGES, placeholder=' ...'))
    if not result.get('num_not_finite'):
        return notes
    where = ', and the layers above show where' if result.get('invertibility') else ''
    return notes + _wrapped(
        f'WARNING: the likelihood of {result["num_not_finite"]:,} of {result["num_images"]:,} '
        'images is not finite, so their means are not either. The table of single images shows '
        f'which ones{where}.'
    )


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH)


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else f'{line[: WIDTH - 3]}...'


def _percent(share: float) -> str:
    """Return a fraction in percent, so that only 0 is shown as 0 % and only 1 as 100 %."""
    if 0 < share < 0.01:
        return '<1 %'
    return '>99 %' if 0.99 < share < 1 else f'{100 * share:.0f} %'


def _scientific(value: float) -> str:
    return f'{value:.1e}' if math.isfinite(value) else f'{value:>7}'
