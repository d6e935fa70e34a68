"""Initialization from data in chunks: the weights do not depend on the chunk size."""

import numpy as np
import pytest
import tensorflow as tf

from support.small_models import SHAPE, random_images, small_flow_alone, small_wolf
from tfwolf.core.variables import named_variables
from tfwolf.models.initialization import initialize
from tfwolf.nets import channel_norm
from tfwolf.nets.channel_norm import channel_moments, spans, standardizing


@pytest.mark.parametrize(
    'num_examples, values_per_example', [(1, 1), (7, 300), (8, 250), (8, 5000)]
)
def test_spans_cut_a_batch_into_chunks_of_bounded_size(
    monkeypatch, num_examples, values_per_example
):
    monkeypatch.setattr(channel_norm, 'CHUNK_VALUES', 1000)
    covered = [list(range(num_examples))[span] for span in spans(num_examples, values_per_example)]
    assert sum(covered, []) == list(range(num_examples))
    assert all(
        1 <= len(chunk) and (len(chunk) == 1 or len(chunk) * values_per_example <= 1000)
        for chunk in covered
    )
    assert len(covered) == -(-num_examples // max(1, 1000 // values_per_example))


def test_moments_of_chunks_are_those_of_the_whole_batch():
    x = np.random.default_rng(0).normal(1e3, 2, (9, 3, 2, 4)).astype(np.float32)
    x[..., 3] = 7
    whole = x.astype(np.float64)
    for dtype, tolerance in ((tf.float64, 1e-12), (tf.float32, 1e-5)):
        mean, variance, count = channel_moments(
            tf.constant(x[start:stop], dtype) for start, stop in ((0, 1), (1, 6), (6, 9))
        )
        np.testing.assert_allclose(mean, whole.mean((0, 1, 2)), rtol=tolerance)
        np.testing.assert_allclose(variance, whole.var((0, 1, 2)), rtol=tolerance, atol=1e-12)
        assert count == 9 * 3 * 2
    log_scale, bias = standardizing([tf.constant(whole)], tf.float64)
    y = whole * np.exp(log_scale.numpy()) + bias.numpy()
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-9)
    np.testing.assert_allclose(y.var((0, 1, 2)), [1, 1, 1, 0], atol=1e-9)


@pytest.mark.parametrize('kind', ['wolf', 'glow', 'realnvp', 'shallow realnvp'])
def test_the_chunk_size_does_not_change_the_weights(monkeypatch, kind):
    images = random_images(24)

    def initialized(chunk_values):
        monkeypatch.setattr(channel_norm, 'CHUNK_VALUES', chunk_values)
        model = small_wolf(tf.float64) if kind == 'wolf' else small_flow_alone(kind, tf.float64)
        initialize(model, images, seed=0)
        return model

    whole, chunked = initialized(2**24), initialized(1000)
    assert len(spans(24, np.prod(SHAPE))) > 1
    for (path, first), (_, second) in zip(
        named_variables(whole), named_variables(chunked), strict=True
    ):
        np.testing.assert_allclose(
            np.asarray(first, np.float64),
            np.asarray(second, np.float64),
            rtol=1e-9,
            atol=1e-11,
            err_msg=str(path),
        )
    if kind == 'wolf':
        return
    # The output of the flow has mean 0 and variance 1, up to the mixing after the last
    # normalization.
    v = whole.encode(images)[1].numpy()
    assert abs(v.mean()) < 0.1 and 0.5 < v.std() < 2
