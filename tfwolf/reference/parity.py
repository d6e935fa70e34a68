"""Compare a model with the reference's outputs, array by array."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfwolf.core.variables import as_tensorflow, count_parameters, trainable_variables
from tfwolf.data import preprocess
from tfwolf.distributions.bits import bits_per_dim, standard_normal_log_prob
from tfwolf.models.terms import Noise
from tfwolf.models.wolf import Wolf
from tfwolf.reference.comparison import Comparison, compare, failed, skipped
from tfwolf.reference.fixture import Fixture
from tfwolf.reference.layout import slots

# Largest difference, relative to max(1, largest value). The larger tolerances are for arrays that
# the reference inverts inexactly.
EXACT = {'float64': 1e-9, 'float32': 1e-4}
INVERTED = {'float64': 1e-5, 'float32': 1e-3}
INVERTED_KEYS = ('sample/z', 'sample/x', 'switch/x')
# Inputs of a fixture, which are not compared.
INPUTS = (
    'images',
    'dequant_noise',
    'dequant_epsilon',
    'n_bits',
    'posterior_noise',
    'labels',
    'sample/v',
    'sample/prior_noise',
)
# Distance to the edge between two color values within which the reference's rounding decides.
EDGE = 1e-3


UNKNOWN_OUTPUT = 'tfwolf has no output of this name'


class Parity:
    """Compute the outputs of a fixture with our model, from the same inputs and noise.

    Args:
        fixture: `Fixture`.
        model: the `Wolf` to check, with its weights.
        dtype: type of the model, 'float64' or 'float32'.
    """

    def __init__(self, fixture: Fixture, model: Wolf, dtype: str) -> None:
        self._fixture, self._model, self._io = fixture, model, fixture.io
        self._exact, self._inverted = EXACT[dtype], INVERTED[dtype]
        self._dtype = model.dtype
        images = tf.constant(self._io['images'])
        posterior_noise = self._io.get(
            'posterior_noise', np.zeros([len(images), model.latent.noise_dim])
        )
        self._images = images
        self._noise = Noise(
            tf.constant(self._io[self._fixture.noise_key], self._dtype),
            tf.constant(posterior_noise, self._dtype),
        )
        self._labels = tf.constant(self._io['labels']) if 'labels' in self._io else None

    def evaluation(self) -> list[Comparison]:
        """Return the comparisons of all `eval/`, `sample/` and `switch/` arrays.

        An array that tfwolf does not compute fails.
        """
        ours = self._evaluation_arrays()
        lines = []
        for key, theirs in self._io.items():
            if key in INPUTS:
                lines.append(skipped(key, 'an input'))
            elif key == 'sample/images' and 'sample/x' in ours:
                lines.append(self._compare_bins(ours['sample/x'], theirs))
            elif key in ours:
                lines.append(
                    compare(
                        key,
                        ours[key],
                        theirs,
                        self._inverted if key in INVERTED_KEYS else self._exact,
                    )
                )
            elif not key.startswith('train/'):
                lines.append(failed(key, UNKNOWN_OUTPUT))
        return lines

    def _evaluation_arrays(self):
        model, io = self._model, self._io
        ours = {}
        inference = model.infer(self._images, self._noise, labels=self._labels)
        x, dequantizer_nats = model.dequantized(inference, self._images, self._noise)
        v, log_det = model.flow.forward_and_log_det(x, inference.condition)
        terms = model.terms_of(inference, dequantizer_nats, v, log_det)
        if model.dequantizer.is_learned:
            drawn = model.dequantizer.draw(inference.features, self._noise.dequantization)
            ours['eval/dequant_u'], ours['eval/dequant_log_prob'] = drawn
        if model.latent.has_posterior:
            posterior = model.posterior(self._images)
            ours['eval/mu'], ours['eval/logvar'] = posterior.mean, posterior.log_variance
        if inference.z is not None:
            ours['eval/z'] = inference.z
            ours['switch/x'] = model.flow.inverse_and_log_det(tf.roll(v, 1, axis=0), inference.z)[0]
        ours.update(
            {
                'eval/kl': inference.kl_nats,
                'eval/v': v,
                'eval/logdet': log_det,
                'eval/log_prob': standard_normal_log_prob(v) + log_det,
                'eval/nll': terms.nll_nats,
                'eval/bpd': bits_per_dim(terms.nll_nats, model.num_dims),
            }
        )
        z = inference.z
        if 'sample/prior_noise' in io:
            z = ours['sample/z'] = model.latent.from_noise(
                tf.constant(io['sample/prior_noise'], self._dtype)
            )
        if 'sample/v' in io:
            ours['sample/x'] = model.flow.inverse_and_log_det(
                tf.constant(io['sample/v'], self._dtype), z
            )[0]
        return ours

    def _compare_bins(self, x, theirs):
        """Compare color values of samples, except those decided by the reference's rounding."""
        scale = 2**self._model.color_bits
        position = (np.asarray(self._io['sample/x'], np.float64) + 1) / 2 * scale
        near_edge = np.abs(position - np.round(position)) / scale * 2 < EDGE
        ours, theirs = (
            np.asarray(image).astype(int) >> (8 - self._model.color_bits)
            for image in (preprocess.to_images(x, self._model.color_bits), theirs)
        )
        return compare(
            'sample/images', np.where(near_edge, 0, ours), np.where(near_edge, 0, theirs), 0.0
        )

    def training(self) -> list[Comparison]:
        """Return the comparisons of `train/` arrays, gradient norms and the parameter count.

        This runs one training pass, which updates batch norm's running averages.
        """
        model, io = self._model, self._io
        by_name = {slot.name: slot for slot in slots(model)}
        variables = [as_tensorflow(variable) for variable in trainable_variables(model)]
        # A function of this call only: one of the module would keep every model.
        training_pass = tf.function(_training_pass, autograph=False)
        terms, loss, x, gradients = training_pass(
            model, variables, self._images, self._noise, self._labels
        )
        ours = {'train/loss': loss, 'train/bpd': bits_per_dim(terms.nll_nats, model.num_dims)}
        if model.dequantizer.is_learned:
            edges = model.encoder_input(self._images)
            ours['train/dequant_u'] = (x - edges) * 2.0 ** (model.color_bits - 1)
            ours['train/dequant_log_prob'] = terms.dequantizer_nats
        for name, slot in by_name.items():
            if not slot.is_trainable:
                ours[f'train/after/{name}'] = next(iter(slot.weights.values()))
        lines = [
            compare(key, ours[key], theirs, self._exact)
            if key in ours
            else failed(key, UNKNOWN_OUTPUT)
            for key, theirs in io.items()
            if key.startswith('train/')
        ]
        gradient_of = {id(variable): gradient for variable, gradient in zip(variables, gradients)}
        trained = {name for name, slot in by_name.items() if slot.is_trainable}
        for name, norm in self._fixture.gradient_norms.items():
            if name not in trained:
                lines.append(failed(f'gradient {name}', 'tfwolf has no weight of this name'))
                continue
            gradient = by_name[name].pick(
                gradient_of[id(next(iter(by_name[name].weights.values())))]
            )
            lines.append(
                compare(
                    f'gradient {name}',
                    np.linalg.norm(gradient.astype(np.float64)),
                    norm,
                    self._exact,
                )
            )
        for name in sorted(trained - set(self._fixture.gradient_norms)):
            lines.append(failed(f'gradient {name}', 'the fixture has no such gradient'))
        if self._fixture.num_parameters is not None:
            lines.append(
                compare('params', count_parameters(model), self._fixture.num_parameters, 0.0)
            )
        return lines


def _training_pass(model, variables, images, noise, labels):
    """Return the terms, mean loss in nats, flow's input and gradients of one training pass."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        inference = model.infer(images, noise, training=True, labels=labels)
        x, dequantizer_nats = model.dequantized(inference, images, noise, training=True)
        outputs = model.flow.forward_in_training(x, inference.condition)
        terms = model.terms_of(inference, dequantizer_nats, *outputs, training=True)
        loss = tf.reduce_mean(terms.nll_nats)
    return (
        terms,
        loss,
        x,
        tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO),
    )
