"""What compiled layers read in place of their weights."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import move_weights
from tfwolf.bijectors.coupling import Coupling
from tfwolf.bijectors.prepared_weights import PreparedWeights, layer_weights, of_row
from tfwolf.bijectors.repeat import Repeat
from tfwolf.core.compilation import compile_layers
from tfwolf.core.freeze import derived_attributes, freeze
from tfwolf.nets.coupling_nets import ConvCouplingNet
from tfwolf.nets.pixel_rows import input_matrix, output_matrix

CHANNELS, HIDDEN, Z, LAYERS = 6, 32, 4, 3
OPERANDS = ['operand1', 'operand2', 'operand3']


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


def prepared(repeat, compiled):
    """Returns the names of what is read, and what is prepared, by name."""
    found = PreparedWeights(repeat._template)
    with compile_layers(compiled):
        weights = found.of('forward_and_log_det', list(stacked(repeat).values()))
        values = found.prepare(weights.sources)
    names = [name for _, name in found.slots('forward_and_log_det')]
    assert len(names) == len(weights.read) + len(values)
    return names[: len(weights.read)], dict(zip(names[len(weights.read) :], values))


def test_kernels_become_matrices_in_the_type_of_the_products(repeat):
    read, values = prepared(repeat, compiled=True)
    assert sorted(read) == ['condition_bias', 'condition_kernel', 'output_bias']
    assert list(values) == OPERANDS
    weights = stacked(repeat)
    norm = np.sqrt(np.sum(np.square(weights['output_direction']), axis=(1, 2, 3), keepdims=True))
    length = weights['output_length'][:, tf.newaxis, tf.newaxis, tf.newaxis]
    kernel3 = length * weights['output_direction'] / norm
    for row in range(LAYERS):
        for name, wanted in zip(
            OPERANDS,
            (
                input_matrix(weights['kernel1'][row]),
                weights['kernel2'][row, 0, 0],
                output_matrix(kernel3[row]),
            ),
            strict=True,
        ):
            assert values[name].dtype == tf.bfloat16
            found = tf.cast(values[name][row], tf.float32)
            np.testing.assert_allclose(found, wanted, rtol=2**-8, atol=1e-6, err_msg=name)


def test_without_products_kernels_keep_their_shape(repeat):
    _, values = prepared(repeat, compiled=False)
    assert values['operand1'].shape == stacked(repeat)['kernel1'].shape
    assert values['operand3'].shape == stacked(repeat)['output_direction'].shape


def test_frozen_kernels_are_sources_and_operands_are_not_stored(repeat):
    _, expected = prepared(repeat, compiled=True)
    freeze(repeat)
    assert 'output_kernel' in stacked(repeat) and not set(OPERANDS) & set(stacked(repeat))
    assert OPERANDS[0] not in [
        found.name for _, _, found in derived_attributes(repeat._template.layer)
    ]
    _, found = prepared(repeat, compiled=True)
    for name in OPERANDS:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_gradients_are_those_of_float32_kernels():
    """Sources keep their type; a gradient of a matrix reaches each entry of a kernel once."""
    repeat = make_repeat(compute_dtype=None)
    found = PreparedWeights(repeat._template)
    with compile_layers(True):
        sources = found.of('forward_and_log_det', list(stacked(repeat).values())).sources
        values = found.prepare(sources)
        upstream = [
            tf.random.stateless_normal(value.shape, [index, 0])
            for index, value in enumerate(values)
        ]
        of_sources = found.gradients(sources, list(zip(*map(tf.unstack, upstream))))
    step = 1e-2
    random = np.random.default_rng(0)
    for index, source in enumerate(sources):
        direction = tf.constant(random.standard_normal(source.shape), tf.float32)
        with compile_layers(True):
            ends = [
                found.prepare(
                    [*sources[:index], source + sign * step * direction, *sources[index + 1 :]]
                )
                for sign in (1, -1)
            ]
        slope = sum(
            np.sum((after - before) * up, dtype=np.float64)
            for after, before, up in zip(*ends, upstream)
        ) / (2 * step)
        wanted = np.sum(of_sources[index] * direction, dtype=np.float64)
        np.testing.assert_allclose(wanted, slope, rtol=1e-2, atol=1e-2)


def test_rows_that_can_be_taken_without_a_copy_are_separate_tensors():
    aligned, small = tf.random.uniform([LAYERS, 4, 16]), tf.random.uniform([LAYERS, 6])
    weights = layer_weights([aligned, small], LAYERS)
    assert [tf.is_tensor(value) for value in weights[1]] == [True, False]
    for row in range(LAYERS):
        for found, wanted in zip(
            of_row(weights[row], row), (aligned[row], small[row]), strict=True
        ):
            np.testing.assert_array_equal(found, wanted)
