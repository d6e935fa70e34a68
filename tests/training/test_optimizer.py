"""The optimizer's formula and the objective."""

import numpy as np
import pytest
import tensorflow as tf

from support.small_models import small_wolf
from support.training_steps import BATCH, IMAGES
from tfwolf.training.objective import Objective
from tfwolf.training.optimizer import AdamW, WarmupDecay


def test_adamw_equals_the_formula():
    """Twenty updates of one weight equal the formula in NumPy, with an epsilon that matters."""
    variable = tf.Variable([1.0, -2.0], dtype=tf.float64)
    schedule = WarmupDecay(5, peak=0.1, initial=0.01, decay=0.9)
    optimizer = AdamW([variable], schedule, weight_decay=0.3, epsilon=0.1)
    p, m, v = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    random = np.random.default_rng(0)
    for t in range(20):
        gradient = random.standard_normal(2)
        rate = 0.01 + 0.09 * t / 5 if t < 5 else 0.1 * 0.9 ** (t - 5)
        np.testing.assert_allclose(optimizer.learning_rate, rate, rtol=1e-12)
        optimizer.apply([tf.constant(gradient)], tf.constant(True))
        p = p * (1 - rate * 0.3)
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        p = p - rate * (m / (1 - 0.9 ** (t + 1))) / (np.sqrt(v / (1 - 0.999 ** (t + 1))) + 0.1)
        np.testing.assert_allclose(variable, p, rtol=1e-10)


def test_objective_floor_and_weight():
    model = small_wolf(images=IMAGES[:32])
    terms = model.terms(IMAGES[:BATCH], model.draw_noise(BATCH, tf.constant([0, 1])))
    kl = float(tf.reduce_mean(terms.kl_nats))
    rest = float(tf.reduce_mean(terms.nll_nats)) - kl
    assert 0 < kl + 1 < 10

    def loss(step=100, **options):
        objective = Objective(**options)
        flow_loss = objective.flow_loss(terms, BATCH)
        return float(flow_loss) + float(objective.kl_loss(terms.kl_nats, BATCH, 4, step))

    assert loss() == pytest.approx(rest + kl, rel=1e-6)
    assert loss(free_nats_per_dim=5.0) == pytest.approx(rest + 20, rel=1e-6)
    assert loss(step=1, kl_warmup_steps=4) == pytest.approx(rest + kl / 4, rel=1e-6)
