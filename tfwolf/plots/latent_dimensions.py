"""What each dimension of z holds: its KL, and how many dimensions are active."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing

from tfwolf.core import validate
from tfwolf.plots.arrays import finite_vector
from tfwolf.plots.style import BLUE, RED, charts, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of the variance of the posterior mean over images (Burda et al., 2016, section 5.2).
ACTIVE = 0.01


@styled
def kl_per_dimension(kl_nats: np.typing.ArrayLike) -> Figure:
    """Return the KL of each dimension of q(z|x) to N(0, 1) as bars, the largest first.

    Args:
        kl_nats: `[latent_dim]`, means over images, in nats.

    Raises:
        ValueError: if a value is not finite.
    """
    kl_nats = np.sort(finite_vector('kl_nats', kl_nats))[::-1]
    total = kl_nats.sum()
    figure, (axis,) = charts()
    axis.bar(np.arange(1, len(kl_nats) + 1), kl_nats, width=1.0, color=BLUE)
    half = int(np.searchsorted(np.cumsum(kl_nats), total / 2)) + 1 if total > 0 else 0
    axis.set(
        xlabel='dimension of z, sorted',
        ylabel='KL to N(0, 1) (nats)',
        title=f'{total:.2f} nats in {len(kl_nats)} dimensions'
        + (f', half of them in {half}' if half else ''),
    )
    axis.set_xlim(0.5, len(kl_nats) + 0.5)
    axis.grid(axis='x', visible=False)
    return figure


@styled
def active_units(variances: np.typing.ArrayLike, threshold: float = ACTIVE) -> Figure:
    """Return the variance of the posterior mean of each dimension of z, sorted, and how many are
    active.

    A dimension is active if the variance over images of the mean of q(z|x) is above a threshold.

    Args:
        variances: `[latent_dim]`, at least 0.
        threshold: above 0.

    Raises:
        ValueError: if a value is negative or not finite.

    Reference: Burda, Grosse and Salakhutdinov, "Importance Weighted Autoencoders", 2016,
        arXiv:1509.00519, section 5.2.
    """
    validate.real('threshold', threshold, above=0)
    variances = np.sort(finite_vector('variances', variances))[::-1]
    if variances[-1] < 0:
        raise ValueError(f'`variances` must be at least 0; got {variances[-1]}.')
    count, active = len(variances), int((variances > threshold).sum())
    figure, (axis,) = charts()
    # A dimension without any variance has no place on a logarithmic axis.
    shown = np.where(variances > 0, variances, np.nan)
    axis.plot(np.arange(1, count + 1), shown, color=BLUE, marker='o', markersize=3, linewidth=1)
    axis.axhline(threshold, color=RED, linestyle='--', label=f'active above {threshold:g}')
    axis.set_yscale('log')
    axis.set(
        xlabel='dimension of z, sorted',
        ylabel='variance of the mean of q(z|x)',
        title=f'{active} of {count} dimensions are active',
    )
    axis.legend()
    return figure
