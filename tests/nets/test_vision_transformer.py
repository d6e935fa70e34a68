"""The vision transformer of couplings against a computation in NumPy, and how z enters it."""

import math

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import move_weights
from tfwolf.core.variables import count_parameters, named_variables
from tfwolf.nets.condition import VectorAndImage
from tfwolf.nets.conditioned_net import ConditionTerms
from tfwolf.nets.vision_transformer import VisionTransformer

SIDE, CHANNELS, WIDTH, OUT, DIM = 4, 3, 8, 5, 3
X = np.random.default_rng(0).standard_normal((2, SIDE, SIDE, CHANNELS))
Z = np.random.default_rng(1).standard_normal((2, DIM))


def network(dtype=tf.float64, **changes):
    arguments = {
        'in_channels': CHANNELS,
        'hidden_channels': WIDTH,
        'out_channels': OUT,
        'num_tokens': SIDE**2,
        'num_heads': 2,
        'dtype': dtype,
    }
    return VisionTransformer(**{**arguments, **changes})


def moved(**changes):
    net = network(**changes)
    move_weights(net)
    return net


def norm(x, gain, bias):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-6) * gain + bias


def gelu(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def block_in_numpy(block, tokens, num_heads, changes=(0.0, 0.0, 0.0, 0.0)):
    """Returns the block's output for one image, `[tokens, width]`, head by head."""
    w = {path[-1]: variable.numpy() for path, variable in named_variables(block)}
    h = norm(tokens, w['gain1'] + changes[0], w['norm_bias1'] + changes[1])
    query, key, value = np.split(h @ w['qkv_kernel'] + w['qkv_bias'], 3, axis=-1)
    heads = []
    for part in np.split(np.arange(tokens.shape[-1]), num_heads):
        logits = query[:, part] @ key[:, part].T / math.sqrt(len(part))
        weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        heads.append(weights @ value[:, part])
    tokens = tokens + np.concatenate(heads, -1) @ w['attention_kernel'] + w['attention_bias']
    h = norm(tokens, w['gain2'] + changes[2], w['norm_bias2'] + changes[3])
    h = gelu(h @ w['kernel1'] + w['bias1']) @ w['kernel2'] + w['bias2']
    return tokens + h


def network_in_numpy(net, x, num_heads, added=0.0, changes=(0.0, 0.0, 0.0, 0.0)):
    """Returns the network's output for one image `[height, width, channels]`."""
    tokens = x.reshape(-1, x.shape[-1]) @ net.kernel.numpy() + net.bias.numpy()
    tokens = tokens + net.positions.numpy() + added
    for block in net.blocks:
        tokens = block_in_numpy(block, tokens, num_heads, changes)
    h = norm(tokens, net.gain.numpy(), net.norm_bias.numpy())
    y = h @ net.output_kernel.numpy() + net.output_bias.numpy()
    return y.reshape(*x.shape[:2], -1)


@pytest.mark.parametrize('num_heads', [1, 4])
def test_forward_equals_numpy(num_heads):
    net = moved(num_heads=num_heads, depth=2)
    expected = [network_in_numpy(net, x, num_heads) for x in X]
    np.testing.assert_allclose(net(tf.constant(X)), expected, rtol=0, atol=1e-12)


def test_z_is_a_linear_map_added_to_every_token():
    net = moved(condition_dim=DIM)
    added = Z @ net.condition_kernel.numpy() + net.condition_bias.numpy()
    expected = [network_in_numpy(net, x, 2, added=term) for x, term in zip(X, added)]
    np.testing.assert_allclose(net(X, tf.constant(Z)), expected, rtol=0, atol=1e-12)


def test_z_may_also_change_gains_and_biases_of_the_norms():
    net = moved(condition_dim=DIM, modulates_norms=True)
    added = Z @ net.condition_kernel.numpy() + net.condition_bias.numpy()
    changes = np.split(Z @ net.blocks[0].modulation.numpy(), 4, axis=-1)
    expected = [
        network_in_numpy(net, X[i], 2, added[i], [change[i] for change in changes])
        for i in range(len(X))
    ]
    np.testing.assert_allclose(net(X, tf.constant(Z)), expected, rtol=0, atol=1e-12)
    fresh = network(condition_dim=DIM, modulates_norms=True)
    np.testing.assert_array_equal(fresh.blocks[0].modulation, 0)


def test_an_image_is_a_condition_too():
    net = moved(condition_dim=DIM, condition_channels=4)
    # Twice as large as x: the condition is squeezed as x is.
    image = tf.constant(np.random.default_rng(2).standard_normal((2, 2 * SIDE, 2 * SIDE, 1)))
    both = net(tf.constant(X), VectorAndImage(tf.constant(Z), image))
    other = net(tf.constant(X), VectorAndImage(tf.constant(Z), image[:, ::-1]))
    assert np.abs(both - other).max() > 1e-3
    with pytest.raises(ValueError, match='`condition` must have an image'):
        net(tf.constant(X), tf.constant(Z))


def test_a_fresh_network_returns_zero_and_gradients_reach_every_weight():
    net = network(condition_dim=DIM, modulates_norms=True, depth=2)
    np.testing.assert_array_equal(net(tf.constant(X), tf.constant(Z)), 0)
    move_weights(net)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(net(tf.constant(X), tf.constant(Z))))
    named = named_variables(net)
    for (path, _), gradient in zip(named, tape.gradient(loss, [v for _, v in named]), strict=True):
        assert gradient is not None and np.abs(gradient).max() > 0, path
    net.initialize(tf.constant(X))
    np.testing.assert_array_equal(net(tf.constant(X), tf.constant(Z)), 0)


@pytest.mark.parametrize('direction', range(3))
def test_gradients_equal_finite_differences(direction):
    """GELU has a gradient that is written by hand."""
    net = moved(condition_dim=DIM, modulates_norms=True)
    x, z = tf.Variable(X), tf.Variable(Z)
    variables = [x, z, *(variable for _, variable in named_variables(net))]
    random = np.random.default_rng(direction)
    steps = [1e-5 * random.standard_normal(variable.shape) for variable in variables]

    def loss(times=0.0):
        for variable, step in zip(variables, steps, strict=True):
            variable.assign_add(times * step)
        return tf.reduce_sum(tf.sin(net(tf.identity(x), tf.identity(z))))

    with tf.GradientTape() as tape:
        value = loss()
    gradients = tape.gradient(value, variables)
    along = sum(np.sum(g * step) for g, step in zip(gradients, steps, strict=True))
    ahead, behind = loss(1.0), loss(-2.0)
    np.testing.assert_allclose((ahead - behind) / 2, along, rtol=1e-7)


def test_initial_weights_depend_on_the_seed_and_have_the_scale_of_the_paper():
    net = network(hidden_channels=64, seed=3)
    bound = math.sqrt(6 / (64 + 64))
    values = net.blocks[0].qkv_kernel.numpy()
    assert 0.99 * bound < np.abs(values).max() <= bound
    np.testing.assert_allclose(np.std(net.positions), 1 / 8, rtol=0.1)
    np.testing.assert_array_equal(values, network(hidden_channels=64, seed=3).blocks[0].qkv_kernel)
    assert np.any(values != network(hidden_channels=64, seed=4).blocks[0].qkv_kernel.numpy())


def test_number_of_parameters():
    """Of the coupling of Jet on ImageNet 64: 24 values of 256 patches, width 512, depth 2."""
    net = VisionTransformer(24, 512, 48, num_tokens=256, depth=2, num_heads=8)
    assert count_parameters(net) == 207_177_216 // 32


def test_half_precision_is_close_and_returns_the_type_of_the_weights():
    exact, half = (
        network(tf.float32, condition_dim=DIM, compute_dtype=kind) for kind in (None, 'bfloat16')
    )
    for net in (exact, half):
        move_weights(net)
    x, z = tf.constant(X, tf.float32), tf.constant(Z, tf.float32)
    y = half(x, z)
    assert half.compute_dtype == tf.bfloat16 and y.dtype == tf.float32
    assert 0 < np.abs(y - exact(x, z)).max() < 0.05


def test_only_matrices_of_inputs_are_kernels():
    from tfwolf.training.kernels import Weights

    net = network(condition_dim=DIM)
    names = {variable.name for variable in Weights(net).kernels}
    assert {name.split(':')[0] for name in names} == {
        'kernel',
        'condition_kernel',
        'qkv_kernel',
        'attention_kernel',
        'kernel1',
        'kernel2',
        'output_kernel',
    }
    assert isinstance(net, ConditionTerms)


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'num_heads': 3}, '`num_heads` must divide the width of the network, 8; got num_heads=3'),
        ({'depth': 0}, '`depth`'),
        ({'num_tokens': 0}, '`num_tokens`'),
        ({'compute_dtype': 'float16'}, '`compute_dtype`'),
    ],
)
def test_invalid_arguments_are_rejected(changes, message):
    with pytest.raises(ValueError, match=message):
        network(**changes)


def test_an_image_of_another_size_is_rejected():
    with pytest.raises(ValueError, match='`x` must have num_tokens=16 pixels; got 2x4'):
        network()(tf.zeros([1, 2, 4, CHANNELS], tf.float64))
