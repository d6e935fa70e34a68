"""Rows of the summary: a number with its meaning, and those of a density of continuous values."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from typing import Any

WIDTH, LABEL_WIDTH, VALUE_WIDTH = 80, 16, 12
# Below this the posterior has collapsed to the prior, and z holds next to nothing.
COLLAPSED_KL_NATS = 0.5

Result = Mapping[str, Any]


def row(label: str, value: str, meaning: str) -> list[str]:
    """Return the lines of a number: label, value and wrapped meaning."""
    first, *more = textwrap.wrap(meaning, WIDTH - LABEL_WIDTH - VALUE_WIDTH - 2)
    indent = LABEL_WIDTH + VALUE_WIDTH + 2
    return [
        f'{label:{LABEL_WIDTH}}{value:>{VALUE_WIDTH}}  {first}',
        *(f'{"":{indent}}{line}' for line in more),
    ]


def meaning_of_kl(result: Result) -> str:
    """Return what the KL of a result says about z."""
    kl = result['kl_nats']
    if not result.get('has_posterior', kl != 0):
        return 'cost of the class label' if kl else 'no encoder posterior, so no cost for z'
    if not math.isfinite(kl):
        return 'not finite; see the warning below'
    if kl < COLLAPSED_KL_NATS:
        return f'posterior collapse (below {COLLAPSED_KL_NATS} nats): z is unused'
    return f'{100 * kl / result["nll_nats"]:.2g} % of the bound; z is used'


def density_rows(result: Result) -> list[str]:
    """Return the lines of a density of continuous values, in nats."""
    low, high = result['nll_nats_interval_95']
    interval = f'95 %: {low:.4f} to {high:.4f}' if result['num_images'] > 1 else 'one example'
    lines = [
        *row('-log p(x)', f'{result["nll_nats"]:.4f}', f'nats; lower is better ({interval})'),
        *row('per dimension', f'{result["nats_per_dim"]:.4f}', 'nats/dim, in the unit of the data'),
    ]
    if (entropy := result.get('entropy_nats')) is not None:
        above = result['nll_nats'] - entropy
        meaning = f'nats, of the distribution: the least possible; {above:+.4f} to -log p(x)'
        lines += row('entropy', f'{entropy:.4f}', meaning)
    if result.get('has_posterior'):
        lines += row(
            f'IW bound, K = {result["num_samples"]}',
            f'{result["nats_per_dim_iwae"]:.4f}',
            'nats/dim, importance-weighted',
        )
        lines += row('KL of z', f'{result["kl_nats"]:.2f} nats', meaning_of_kl(result))
    return lines
