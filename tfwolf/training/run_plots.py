"""Plots of held-out images while a model trains, for TensorBoard: z, likelihoods and v."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
import tqdm

from tfwolf.core.messages import first_line
from tfwolf.evaluation.calibration import calibration_of_model
from tfwolf.evaluation.latent_use import LatentUse, latent_use
from tfwolf.evaluation.noisy_pass import NoisyPass
from tfwolf.evaluation.outliers import extreme_images
from tfwolf.plots.calibration import calibration_of_v
from tfwolf.plots.figure_files import figure_array
from tfwolf.plots.latent_dimensions import active_units, kl_per_dimension
from tfwolf.plots.likelihoods import likelihood_histogram
from tfwolf.training.run import TrainingRun
from tfwolf.training.summaries import Summaries

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Enough to see a trend; few, so that a plot takes seconds.
MOST_IMAGES, BATCH_SIZE, MAX_LAG = 128, 64, 4
DPI = 96


class RunPlots:
    """Draws KL per dimension, active units, likelihoods and the calibration of v of a run.

    They are of the first `MOST_IMAGES` validation images, or training images if there are none, and
    change nothing in the training.

    Args:
        run: the `TrainingRun`, of images of 8 bits.
        summaries: writes the plots for TensorBoard.
    """

    def __init__(self, run: TrainingRun, summaries: Summaries) -> None:
        self._run, self._summaries = run, summaries
        unseen = run.dataset.validation
        self._name = 'validation images' if unseen.num_examples else 'training images'
        self._split = (unseen if unseen.num_examples else run.dataset.train).take(MOST_IMAGES)
        self._pass = NoisyPass(run.model, min(BATCH_SIZE, self._split.num_examples))

    def draw(self, step: int) -> list[str]:
        """Write the plots of the model's weights of the moment; return their names.

        One that cannot be drawn is left out with a line that says why: a training never fails
        because of a plot. A run shorter than `picture_every` has none.
        """
        every = self._run.settings.picture_every
        if not 0 < every <= step or self._split.num_examples < 2:
            return []
        seen = _Seen(self._run, self._split, self._pass)
        plots = {'likelihoods': self._likelihoods, 'calibration_of_v': self._calibration}
        if self._run.model.latent.has_posterior:
            plots |= {'kl_per_dimension': self._kl, 'active_units': self._active_units}
        drawn = []
        for name, plot in plots.items():
            try:
                picture = figure_array(plot(seen), DPI)
            except Exception as error:
                if self._run.verbose:
                    tqdm.tqdm.write(f'{name} at step {step} is left out: {first_line(error)}')
                continue
            self._summaries.image(f'plots/{name}', picture, step)
            drawn.append(name)
        return drawn

    def _kl(self, seen: _Seen) -> Figure:
        return kl_per_dimension(seen.use.kl_nats)

    def _active_units(self, seen: _Seen) -> Figure:
        return active_units(seen.use.mean_variances)

    def _likelihoods(self, seen: _Seen) -> Figure:
        bits = seen.v_and_bits[1]
        most, least = extreme_images(bits)
        return likelihood_histogram(
            bits, [], seen.images[most], seen.images[least], images_name=self._name
        )

    def _calibration(self, seen: _Seen) -> Figure:
        found = calibration_of_model(self._run.model, seen.v_and_bits[0], MAX_LAG)
        return calibration_of_v(found.expected, found.quantiles, found.correlations)


class _Seen:
    """The images of the plots of one step, and what the model makes of them, computed once."""

    def __init__(self, run: TrainingRun, split, noisy_pass: NoisyPass) -> None:
        examples = split.load(tf.range(split.num_examples, dtype=tf.int64))
        self.images, self._labels = examples['image'].numpy(), examples['label'].numpy()
        self._run, self._pass = run, noisy_pass

    @functools.cached_property
    def use(self) -> LatentUse:
        return latent_use(self._run.model, self.images, BATCH_SIZE)

    @functools.cached_property
    def v_and_bits(self) -> tuple[np.ndarray, np.ndarray]:
        v, nll_nats = self._pass(self.images, self._run.seed, self._labels)
        unit = self._run.model.values.unit
        return v, np.asarray(unit.of(nll_nats.astype(np.float64), self._run.model.num_dims))
