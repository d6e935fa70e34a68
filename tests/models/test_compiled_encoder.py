"""The encoder as one compiled function."""

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.core.compilation import compile_layers
from tfwolf.core.variables import as_tensorflow, named_variables, trainable_variables
from tfwolf.models.compiled_encoder import CompiledEncoder
from tfwolf.models.encoder import Encoder

X = tf.constant(np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 3)))


@pytest.fixture
def encoder():
    return Encoder([8, 8, 3], 5, [6, 7], 2, dtype=tf.float64)


def values(encoder):
    return [as_tensorflow(variable).numpy() for _, variable in named_variables(encoder)]


def outputs_and_gradients(call, encoder):
    variables = [as_tensorflow(variable) for variable in trainable_variables(encoder)]
    with tf.GradientTape() as tape:
        mean, log_variance = call(X, training=True)
        loss = tf.reduce_sum(tf.sin(mean)) + tf.reduce_sum(log_variance**2)
    return [mean, log_variance, *tape.gradient(loss, variables)]


def test_outputs_gradients_and_running_averages_are_equal(encoder):
    before = values(encoder)
    expected = outputs_and_gradients(encoder, encoder)
    moved = values(encoder)
    for variable, value in zip(named_variables(encoder), before, strict=True):
        as_tensorflow(variable[1]).assign(value)
    with compile_layers(True):
        found = outputs_and_gradients(CompiledEncoder(encoder), encoder)
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=0, atol=1e-9)
    for value, wanted in zip(values(encoder), moved, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-9)
    assert any((wanted != old).any() for wanted, old in zip(moved, before))


def test_it_is_called_as_it_is_where_nothing_is_compiled(encoder):
    with compile_layers(False):
        found = CompiledEncoder(encoder)(X, training=False)
    np.testing.assert_array_equal(found.mean, encoder(X, training=False).mean)


def test_its_gradient_is_compiled_while_a_graph_is_traced(encoder):
    compiled, compilations = CompiledEncoder(encoder), []

    @tf.function(autograph=False)
    def loss(x):
        with compile_layers(True, ahead=True) as compilation:
            compilations.append(compilation)
            return tf.reduce_sum(compiled(x, training=True).mean)

    loss.get_concrete_function(X)
    compilations[0].wait()
    assert compilations[0].num_functions == 1
