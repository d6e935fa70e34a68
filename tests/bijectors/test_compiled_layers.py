"""Layers that XLA compiles one by one, against the same flow without XLA."""

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import move_weights
from tfwolf.bijectors.transforms import BoundedAffine
from tfwolf.core.compilation import compile_layers
from tfwolf.core.freeze import freeze
from tfwolf.core.variables import named_variables, trainable_variables
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.nets.condition import VectorAndImage, tensors_of

X = tf.constant(np.random.default_rng(0).uniform(-1, 1, (3, 4, 4, 3)))
Z = tf.constant(np.random.default_rng(1).standard_normal((3, 5)))
BOTH = VectorAndImage(Z, tf.constant(np.random.default_rng(2).uniform(-1, 1, (3, 4, 4, 2))))


@pytest.fixture
def flow():
    # 112 hidden channels: the 3x3 convolutions are products.
    flow = RefinedGlow((4, 4, 3), 5, [0, [3], 1], [8, 112, 112], BoundedAffine(1), dtype=tf.float64)
    move_weights(flow)
    return flow


def loss_and_gradients(flow, compiled, condition=Z):
    @tf.function(autograph=False)
    def run(x, condition):
        with compile_layers(compiled, ahead=True) as compilation, tf.GradientTape() as tape:
            sources = [x, *tensors_of(condition), *trainable_variables(flow)]
            tape.watch(sources)
            v, log_det = flow.forward_in_training(x, condition)
            loss = tf.reduce_sum(v**2) - tf.reduce_sum(tf.sin(log_det))
            gradients = tape.gradient(loss, sources)
        compilations.append(compilation)
        return [loss, *gradients]

    compilations = []
    run.get_concrete_function(X, condition)
    compilations[0].wait()
    return run(X, condition), compilations[0]


def test_value_and_gradients_are_equal(flow):
    expected, nothing = loss_and_gradients(flow, False)
    found, compilation = loss_and_gradients(flow, True)
    assert not nothing.num_functions
    # Steps of two kinds and a factor-out: one function and one gradient each, for layers and for
    # kernels.
    assert compilation.num_functions == 3 * 4
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=0, atol=1e-9 * np.abs(wanted).max())


@pytest.mark.slow
def test_a_vector_and_an_image_are_compiled_alike():
    """Two steps in a row; the convolution of the condition's image is a product, too."""
    flow = RefinedGlow(
        (4, 4, 3),
        5,
        [0, [2], 1],
        [4, 112, 8],
        BoundedAffine(1),
        dtype=tf.float64,
        condition_channels=2,
    )
    move_weights(flow)
    expected, _ = loss_and_gradients(flow, False, BOTH)
    found, compilation = loss_and_gradients(flow, True, BOTH)
    assert compilation.num_functions == 3 * 4 and all(np.any(value) for value in found)
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=0, atol=1e-9 * np.abs(wanted).max())
    with compile_layers(True):
        v, _ = flow.forward_and_log_det(X, BOTH)
        np.testing.assert_allclose(flow.inverse_and_log_det(v, BOTH)[0], X, rtol=0, atol=1e-9)


def test_inverse_round_trip_and_freezing(flow):
    variables = [path for path, _ in named_variables(flow)]
    with compile_layers(False):
        v, log_det = flow.forward_and_log_det(X, Z)
    with compile_layers(True):
        x, back = flow.inverse_and_log_det(v, Z)
    np.testing.assert_allclose(x, X, rtol=0, atol=1e-9)
    np.testing.assert_allclose(back, -log_det, rtol=1e-9)
    assert [path for path, _ in named_variables(flow)] == variables
    freeze(flow)
    with compile_layers(True):
        np.testing.assert_allclose(flow.inverse(v, condition=Z), X, rtol=0, atol=1e-9)


def test_kept_inputs_are_those_of_the_loop(flow):
    repeat = flow.layers[0].inner.layers[0]
    x = tf.nn.space_to_depth(X, 2)
    with compile_layers(False):
        expected = repeat.forward_and_keep(x, True, Z)
    with compile_layers(True):
        found = repeat.forward_and_keep(x, True, Z)
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=0, atol=1e-10)
