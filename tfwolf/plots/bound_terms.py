"""The terms of the bound, stacked over the training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing

from tfwolf.core import validate
from tfwolf.plots.arrays import finite_vector
from tfwolf.plots.style import BLUE, HATCHES, ORANGE, SKY, charts, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOKS = {
    'image given z': (SKY, HATCHES[0]),
    'KL of z': (BLUE, HATCHES[1]),
    'dequantizer': (ORANGE, HATCHES[2]),
}


@styled
def stacked_terms(
    steps: np.typing.ArrayLike,
    reconstruction_nats: np.typing.ArrayLike,
    kl_nats: np.typing.ArrayLike,
    dequantization_nats: np.typing.ArrayLike,
    dequantizer_nats: np.typing.ArrayLike,
    num_dims: int,
) -> Figure:
    """Return the terms of the bound, stacked, against the training step, in bits/dim.

    -log p(x|z) and the constant of the bins' width are one term, 'image given z': apart, both
    depend on how pixels are scaled. The left chart has all terms. They are stacked in their order,
    and a negative one lowers the sum. The right chart has the terms of z and of the dequantizer
    alone, which the left one shows as a thin band.

    Args:
        steps: `[num_rows]`.
        reconstruction_nats, kl_nats, dequantization_nats, dequantizer_nats: `[num_rows]`, means
            over images; see `models.terms.Terms`.
        num_dims: height * width * channels.

    Raises:
        ValueError: if lengths differ, a value is not finite, or `num_dims` is not positive.
    """
    validate.integer('num_dims', num_dims, minimum=1)
    steps = finite_vector('steps', steps)
    nats = {
        name: finite_vector(name, values, len(steps))
        for name, values in (
            ('reconstruction_nats', reconstruction_nats),
            ('kl_nats', kl_nats),
            ('dequantization_nats', dequantization_nats),
            ('dequantizer_nats', dequantizer_nats),
        )
    }
    in_bits = 1 / (num_dims * math.log(2))
    terms = {
        'image given z': in_bits * (nats['reconstruction_nats'] + nats['dequantization_nats']),
        'KL of z': in_bits * nats['kl_nats'],
        'dequantizer': in_bits * nats['dequantizer_nats'],
    }
    terms = {name: values for name, values in terms.items() if np.any(values)}
    small = {name: values for name, values in terms.items() if name != 'image given z'}
    figure, axes = charts(1, 2 if small else 1)
    for axis, shown in zip(axes, (terms, small)):
        base = np.zeros(len(steps))
        for name, values in shown.items():
            color, hatch = LOOKS[name]
            axis.fill_between(
                steps,
                base,
                base + values,
                facecolor=color,
                hatch=hatch,
                edgecolor='#333333',
                linewidth=0.4,
                label=name,
            )
            base = base + values
        axis.plot(steps, base, color='black', linewidth=1.2, label='sum')
        axis.set(xlabel='training step', ylabel='bits/dim')
        axis.margins(x=0)
        axis.legend(loc='upper right')
        # Values of the first steps, far above all others, are cut off.
        low, high = min(0.0, float(base.min())), float(np.quantile(base, 0.97))
        if high > low:
            axis.set_ylim(low, high * 1.35)
    axes[0].set_title('All terms')
    if small:
        axes[1].set_title('Without the image given z')
    return figure
