"""Clipping by the norm of all gradients, one by one and in one vector."""

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.training.clipping import clip

GRADIENTS = [tf.constant([[3.0, 0.0], [0.0, 0.0]]), tf.constant([0.0, -4.0]), tf.constant(12.0)]
LOSS = tf.constant(1.0)


@pytest.mark.parametrize('in_one_vector', [False, True])
@pytest.mark.parametrize('clip_norm, scale', [(None, 1), (13.0, 1), (20.0, 1), (6.5, 0.5)])
def test_the_norm_of_all_is_at_most_the_limit(clip_norm, scale, in_one_vector):
    clipped = clip(GRADIENTS, LOSS, clip_norm, in_one_vector)
    assert float(clipped.norm) == 13 and bool(clipped.finite)
    for found, gradient in zip(clipped.gradients, GRADIENTS, strict=True):
        np.testing.assert_allclose(found, scale * gradient, rtol=1e-6)


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_in_one_vector_nothing_that_is_not_finite_remains(bad):
    clipped = clip([GRADIENTS[0], tf.constant([bad, 1.0])], LOSS, 1.0, in_one_vector=True)
    assert not bool(clipped.finite)
    for found in clipped.gradients:
        np.testing.assert_array_equal(found, np.zeros(found.shape))


@pytest.mark.parametrize('in_one_vector', [False, True])
def test_a_loss_that_is_not_finite_is_seen(in_one_vector):
    assert not bool(clip(GRADIENTS, tf.constant(np.nan), None, in_one_vector).finite)
