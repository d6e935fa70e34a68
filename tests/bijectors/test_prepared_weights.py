"""What compiled layers read in place of their weights."""

import contextlib
import functools

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import move_weights
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.layer_rows import layer_weights, of_row
from tfwolf.bijectors.prepared_weights import PreparedWeights
from tfwolf.bijectors.repeat import Repeat
from tfwolf.core.compilation import compile_layers
from tfwolf.core.freeze import derived_attributes, freeze
from tfwolf.nets.coupling_nets import ConvCouplingNet
from tfwolf.nets.pixel_rows import input_matrix, output_matrix

CHANNELS, HIDDEN, Z, LAYERS, BATCH = 6, 32, 4, 3, 2
METHOD = 'forward_and_log_det'
RANDOM = np.random.default_rng(0)
X = tf.zeros([BATCH, 4, 4, CHANNELS])
CONDITION = tf.constant(RANDOM.standard_normal((BATCH, Z)), tf.float32)


def make_repeat(compute_dtype='bfloat16'):
    make = functools.partial(
        Coupling.build,
        CHANNELS,
        net=functools.partial(ConvCouplingNet, compute_dtype=compute_dtype),
        condition_dim=Z,
        hidden_channels=HIDDEN,
    )
    repeat = Repeat(lambda seed: make(seed=seed), LAYERS, seed=0)
    move_weights(repeat)
    return repeat


@pytest.fixture
def repeat():
    return make_repeat()


def stacked(repeat):
    return {
        name.rpartition('.')[-1]: tf.convert_to_tensor(value)
        for name, value in repeat.weights.items()
    }


@contextlib.contextmanager
def network(repeat, row):
    """The network of a layer that is compiled, with what it reads."""
    found = PreparedWeights(repeat._template)
    with compile_layers(True):
        weights = found.of(METHOD, list(stacked(repeat).values()))
        values = [*weights.read, *found.prepare(weights.sources, CONDITION, X)]
        with found.bound(METHOD, of_row(layer_weights(values, LAYERS)[row], row)) as layer:
            yield layer.net


@pytest.mark.parametrize('row', range(LAYERS))
def test_a_layer_reads_its_kernels_as_matrices_in_the_type_of_the_products(repeat, row):
    weights = {name: value[row].numpy() for name, value in stacked(repeat).items()}
    direction = weights['output_direction']
    kernel3 = weights['output_length'] * direction / np.sqrt((direction**2).sum(axis=(0, 1, 2)))
    expected = {
        'operand1': input_matrix(weights['kernel1']),
        'operand2': weights['kernel2'][0, 0],
        'operand3': output_matrix(tf.constant(kernel3)),
        'vector_term': CONDITION.numpy() @ weights['condition_kernel'] + weights['condition_bias'],
    }
    with network(repeat, row) as net:
        found = {name: getattr(net, name) for name in expected}
        found['vector_term'] = found['vector_term'](CONDITION, X)
        assert not {'kernel1', 'output_direction', 'condition_kernel'} & set(vars(net))
        np.testing.assert_array_equal(net.output_bias, weights['output_bias'])
    for name, wanted in expected.items():
        assert found[name].dtype == tf.bfloat16
        value = tf.cast(found[name], tf.float32)
        np.testing.assert_allclose(value, wanted, rtol=2**-8, atol=1e-6, err_msg=name)


def test_frozen_kernels_are_used_and_what_is_prepared_is_not_stored(repeat):
    with network(repeat, 1) as net:
        expected = net.operand3
    freeze(repeat)
    assert 'output_kernel' in stacked(repeat) and 'operand3' not in stacked(repeat)
    with network(repeat, 1) as net:
        np.testing.assert_array_equal(net.operand3, expected)
        assert not derived_attributes(net)[1:]


def test_a_wrong_condition_is_named(repeat):
    for compiled in (False, True):
        with compile_layers(compiled):
            with pytest.raises(ValueError, match='`condition` is required'):
                repeat.forward_and_log_det(X)
            with pytest.raises(ValueError, match=r'`condition` must be \[batch, 4\]; got'):
                repeat.forward_and_log_det(X, CONDITION[:, :3])
            with pytest.raises(ValueError, match='`condition` must have one row per image, 2'):
                repeat.forward_and_log_det(X, CONDITION[:1])


def test_gradients_are_slopes():
    """In float32, where differences of values tell slopes."""
    repeat = make_repeat(compute_dtype=None)
    found = PreparedWeights(repeat._template)
    with compile_layers(True):
        sources = found.of(METHOD, list(stacked(repeat).values())).sources
        values = found.prepare(sources, CONDITION, X)
        upstream = [
            tf.constant(RANDOM.standard_normal(value.shape), tf.float32) for value in values
        ]
        of_layers = list(zip(*map(tf.unstack, upstream)))
        of_condition, of_sources = found.gradients(sources, CONDITION, X, of_layers)
    arguments, gradients = [CONDITION, *sources], [*of_condition, *of_sources]
    step = 1e-2
    for place, gradient in enumerate(gradients):
        direction = RANDOM.standard_normal(gradient.shape).astype(np.float32)
        ends = []
        for sign in (1, -1):
            moved = [*arguments]
            moved[place] += sign * step * direction
            with compile_layers(True):
                ends.append(found.prepare(moved[1:], moved[0], X))
        slope = sum(
            np.sum((after - before) * up, dtype=np.float64)
            for after, before, up in zip(*ends, upstream)
        ) / (2 * step)
        wanted = np.sum(gradient * direction, dtype=np.float64)
        scale = np.linalg.norm(gradient) * np.linalg.norm(direction)
        assert scale > 0
        np.testing.assert_allclose(slope, wanted, rtol=0, atol=1e-3 * scale)


def test_rows_that_need_no_copy_are_tensors_of_their_own():
    aligned, small = tf.random.uniform([LAYERS, 4, 16]), tf.random.uniform([LAYERS, 16])
    integers = tf.reshape(tf.range(LAYERS * 64), [LAYERS, 64])
    weights = layer_weights([aligned, small, integers], LAYERS)
    assert [tf.is_tensor(value) for value in weights[1]] == [True, False, False]
    for row, of_layer in enumerate(weights):
        for found, wanted in zip(of_row(of_layer, row), (aligned, small, integers), strict=True):
            np.testing.assert_array_equal(found, wanted[row])
