"""Layers on rows with gradients written by hand, and products with ELU as StableHLO."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.compiler.tf2xla.python import xla

from tfwolf.nets import activated_products
from tfwolf.nets.activated_products import product_elu, product_times_elu_gradient
from tfwolf.nets.kept import recording, replaying
from tfwolf.nets.row_layers import row_layers

RANDOM = np.random.default_rng(0)
IMAGES, ROWS, INPUTS, HIDDEN, OUTPUTS = 3, 12, 5, 7, 4


def normal(*shape, dtype=tf.float64):
    return tf.cast(RANDOM.standard_normal(shape), dtype)


ARGUMENTS = (
    normal(ROWS, INPUTS),
    normal(INPUTS, HIDDEN),
    normal(HIDDEN, HIDDEN),
    normal(HIDDEN, OUTPUTS),
    normal(IMAGES, 1, 1, HIDDEN),
    normal(IMAGES, 2, 2, HIDDEN),
)


def by_operations(x, kernel1, kernel2, kernel3, *shifts):
    h = tf.nn.elu(x @ kernel1) @ kernel2
    for shift in shifts:
        h += tf.reshape(tf.broadcast_to(shift, [IMAGES, 2, 2, HIDDEN]), [ROWS, HIDDEN])
    return tf.nn.elu(h) @ kernel3


def layers(x, kernel1, kernel2, kernel3, *shifts):
    return row_layers(x, kernel1, kernel2, kernel3, shifts)


def value_and_gradients(function, arguments):
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        y = function(*arguments)
        loss = tf.reduce_sum(tf.sin(y))
    return [y, *tape.gradient(loss, arguments)]


@pytest.mark.parametrize('count', [4, 5, 6])
def test_gradients_are_those_of_the_operations(count):
    arguments = ARGUMENTS[:count]
    expected = value_and_gradients(by_operations, arguments)
    for found, wanted in zip(value_and_gradients(layers, arguments), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


def test_a_replay_uses_the_kept_values():
    with recording() as values:
        expected = value_and_gradients(layers, ARGUMENTS)
    assert [value.shape[1] for value in values] == [INPUTS, HIDDEN, HIDDEN]
    with replaying(values):
        # Zeros instead of the windows: they are kept, too.
        arguments = (tf.zeros_like(ARGUMENTS[0]), *ARGUMENTS[1:])
        found = value_and_gradients(layers, arguments)
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(value, wanted)


def call(body, contracted, *inputs):
    """Run the module that a GPU compiles as one fusion; on a CPU it is a plain function."""
    shapes = [*(value.shape.as_list() for value in inputs), [ROWS, HIDDEN]]
    text = activated_products.module_text(body, contracted, shapes, fused=False)

    @tf.function(jit_compile=True, autograph=False)
    def run(*inputs):
        return xla.call_module(
            inputs,
            version=10,
            module=text,
            Sout=shapes[-1:],
            Tout=[tf.bfloat16],
            platforms=['CPU'],
        )[0]

    return run(*inputs)


def test_modules_of_stablehlo_equal_the_operations():
    a = normal(ROWS, INPUTS, dtype=tf.bfloat16)
    b = normal(INPUTS, HIDDEN, dtype=tf.bfloat16)
    y = normal(ROWS, HIDDEN, dtype=tf.bfloat16)
    for found, wanted in (
        (call(activated_products.ELU, 0, a, b), product_elu(a, b)),
        (
            call(activated_products.TIMES_ELU_GRADIENT, 1, a, tf.transpose(b), y),
            product_times_elu_gradient(a, tf.transpose(b), y),
        ),
    ):
        # Both sum in float32; the operations round to bfloat16 once more.
        np.testing.assert_allclose(
            tf.cast(found, tf.float32), tf.cast(wanted, tf.float32), rtol=2**-6, atol=2**-8
        )


def test_a_gpu_gets_one_fusion():
    text = activated_products.module_text(activated_products.ELU, 0, [[8, 4], [4, 6], [8, 6]])
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
    exact = value_and_gradients(layers, [tf.cast(value, tf.float32) for value in arguments])
    operations = value_and_gradients(layers, arguments)
    monkeypatch.setattr(activated_products, 'compiles_for_gpu', lambda: True)
    monkeypatch.setattr(xla, 'call_module', call_on_a_cpu)
    compiled = tf.function(
        lambda *arguments: value_and_gradients(layers, arguments), jit_compile=True
    )
    for value, plain, wanted in zip(compiled(*arguments), operations, exact, strict=True):
        value, plain = tf.cast(value, tf.float32), tf.cast(plain, tf.float32)
        # Some processors sum products of bfloat16 in bfloat16: then the operations that the fusions
        # replace are as far off.
        atol = max(0.02 * np.abs(wanted).max(), np.abs(plain - wanted).max())
        np.testing.assert_allclose(value, wanted, rtol=0, atol=atol)
    # One product with ELU, two with its gradient; XLA must not take two for the same.
    assert len(set(modules)) == 3


def test_elu_of_bfloat16_is_rounded_once():
    x = tf.cast(np.linspace(-8, 8, 4001), tf.bfloat16)
    expected = tf.nn.elu(tf.cast(x, tf.float32))
    np.testing.assert_allclose(
        tf.cast(activated_products.elu_of(x), tf.float32), expected, rtol=2**-8, atol=1e-7
    )
