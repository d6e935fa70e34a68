"""Convolutions as products with gradients written by hand, and products as StableHLO."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.compiler.tf2xla.python import xla

from tfwolf.nets import activated_products, conv_products, product_modules
from tfwolf.nets.activated_products import product_elu, product_times_elu_gradient
from tfwolf.nets.conv_products import convolutions_as_products
from tfwolf.nets.kept import recording, replaying
from tfwolf.nets.pixel_rows import input_matrix, output_matrix

RANDOM = np.random.default_rng(0)
IMAGES, ROWS, INPUTS, HIDDEN, OUTPUTS = 3, 12, 5, 7, 4


def normal(*shape, dtype=tf.float64):
    return tf.cast(RANDOM.standard_normal(shape), dtype)


ARGUMENTS = (
    normal(IMAGES, 2, 2, INPUTS),
    normal(3, 3, INPUTS, HIDDEN) / 7,
    normal(1, 1, HIDDEN, HIDDEN) / 3,
    normal(3, 3, HIDDEN, OUTPUTS) / 8,
    normal(IMAGES, 1, 1, HIDDEN),
    normal(IMAGES, 2, 2, HIDDEN),
)


def by_convolutions(x, kernel1, kernel2, kernel3, *shifts):
    h = tf.nn.elu(tf.nn.conv2d(x, kernel1, 1, 'SAME'))
    h = tf.nn.conv2d(h, kernel2, 1, 'SAME')
    return tf.nn.conv2d(tf.nn.elu(sum(shifts, h)), kernel3, 1, 'SAME')


def by_products(x, kernel1, kernel2, kernel3, *shifts):
    matrices = input_matrix(kernel1), kernel2[0, 0], output_matrix(kernel3)
    return convolutions_as_products(x, *matrices, kernel3.shape[-1], shifts)


def value_and_gradients(function, arguments):
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        y = function(*arguments)
        loss = tf.reduce_sum(tf.sin(y))
    return [y, *tape.gradient(loss, arguments)]


@pytest.mark.parametrize('count', [4, 5, 6])
def test_gradients_are_those_of_the_convolutions(count):
    arguments = ARGUMENTS[:count]
    expected = value_and_gradients(by_convolutions, arguments)
    for found, wanted in zip(value_and_gradients(by_products, arguments), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


def test_a_replay_uses_the_kept_values(monkeypatch):
    with recording() as values:
        expected = value_and_gradients(by_products, ARGUMENTS)
    (arrays,) = values
    assert [array.shape[-1] for array in arrays] == [48, HIDDEN, HIDDEN, OUTPUTS]
    # Nothing is computed again: there are no products with ELU in a replay.
    monkeypatch.setattr(conv_products, 'product_elu', None)
    with replaying(values):
        arguments = (tf.zeros_like(ARGUMENTS[0]), *ARGUMENTS[1:])
        found = value_and_gradients(by_products, arguments)
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(value, wanted)


def call(text, *inputs):
    """Run the module that a GPU compiles as one fusion; on a CPU it is a plain function."""
    module = text(*(value.shape.as_list() for value in inputs), fused=False)

    @tf.function(jit_compile=True, autograph=False)
    def run(*inputs):
        return xla.call_module(
            inputs,
            version=10,
            module=module,
            Sout=[[ROWS, HIDDEN]],
            Tout=[tf.bfloat16],
            platforms=['CPU'],
        )[0]

    return run(*inputs)


def test_modules_of_stablehlo_equal_the_operations():
    a = normal(ROWS, INPUTS, dtype=tf.bfloat16)
    b = normal(INPUTS, HIDDEN, dtype=tf.bfloat16)
    y = normal(ROWS, HIDDEN, dtype=tf.bfloat16)
    shifts = [normal(groups, HIDDEN, dtype=tf.bfloat16) for groups in (IMAGES, ROWS)]

    def exact(value):
        return tf.cast(value, tf.float32)

    for found, wanted in (
        (call(product_modules.elu, a, b), product_elu(exact(a), exact(b))),
        (
            call(product_modules.elu, a, b, *shifts),
            product_elu(exact(a), exact(b), list(map(exact, shifts))),
        ),
        (
            call(product_modules.times_elu_gradient, a, tf.transpose(b), y),
            product_times_elu_gradient(exact(a), exact(tf.transpose(b)), exact(y)),
        ),
    ):
        # Modules sum in float32 and round the result once.
        np.testing.assert_allclose(exact(found), wanted, rtol=2**-8, atol=1e-5)


def test_a_gpu_gets_one_fusion():
    text = product_modules.elu([8, 4], [4, 6], [2, 6])
    assert '@__cudnn$fusion' in text and 'tensor<8x6xf32>' in text


def test_layers_that_a_gpu_runs_as_fusions(monkeypatch):
    plain_call, modules = xla.call_module, []

    def call_on_a_cpu(inputs, version, module, Sout, Tout, platforms):
        modules.append(module)
        module = module.replace('stablehlo.custom_call @__cudnn$fusion', 'func.call @fusion')
        module = module.replace('{called_computations = [@fusion]}', '')
        return plain_call(
            inputs, version=version, module=module, Sout=Sout, Tout=Tout, platforms=['CPU']
        )

    arguments = [tf.cast(argument, tf.bfloat16) for argument in ARGUMENTS]
    exact = value_and_gradients(by_products, [tf.cast(value, tf.float32) for value in arguments])
    operations = value_and_gradients(by_products, arguments)
    monkeypatch.setattr(activated_products, 'compiles_for_gpu', lambda: True)
    monkeypatch.setattr(xla, 'call_module', call_on_a_cpu)
    compiled = tf.function(
        lambda *arguments: value_and_gradients(by_products, arguments), jit_compile=True
    )
    for value, plain, wanted in zip(compiled(*arguments), operations, exact, strict=True):
        value, plain = tf.cast(value, tf.float32), tf.cast(plain, tf.float32)
        # Some processors sum products of bfloat16 in bfloat16: then the operations that the fusions
        # replace are as far off.
        atol = max(0.02 * np.abs(wanted).max(), np.abs(plain - wanted).max())
        np.testing.assert_allclose(value, wanted, rtol=0, atol=atol)
    # Two products with ELU, two with its gradient; XLA must not take two for the same.
    assert len(set(modules)) == 4


def test_elu_of_bfloat16_is_rounded_once():
    x = tf.cast(np.linspace(-8, 8, 4001), tf.bfloat16)
    expected = tf.nn.elu(tf.cast(x, tf.float32))
    np.testing.assert_allclose(
        tf.cast(activated_products.elu_of(x), tf.float32), expected, rtol=2**-8, atol=1e-7
    )
