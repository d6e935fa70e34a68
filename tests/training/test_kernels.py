"""Weight decay of kernels alone: which weights these are, and that no other is decayed."""

import functools

import numpy as np
import pytest
import tensorflow as tf

import tfwolf
from support.small_models import random_images, small_flow_alone, small_wolf
from tfwolf.core.pinned_keras import keras
from tfwolf.core.variables import named_variables, trainable_variables
from tfwolf.runs.configuration import read_configuration
from tfwolf.training.kernels import Weights
from tfwolf.training.optimizer import AdamW
from tfwolf.training.schedules import WarmupDecay

# By the last part of their paths, all trainable weights of the library.
KERNELS = {
    *('kernel', 'kernel0', 'kernel1', 'kernel2', 'condition_kernel', 'classifier_kernel'),
    *('direction', 'output_direction'),
}
OTHERS = {
    *('bias', 'bias0', 'bias1', 'bias2', 'condition_bias', 'output_bias', 'classifier_bias'),
    *('log_scale', 'log_scale1', 'log_scale2', 'log_scale_factor', 'log_sigma', 'mean'),
    *('length', 'output_length', 'gamma', 'beta', 'weight', 'triangles', 'log_diagonal'),
    'embedding',
}
RATE = WarmupDecay(0, peak=0.5, decay=1.0)


def kernel_paths(model):
    kernels = {id(variable) for variable in Weights(model).kernels}
    return {'/'.join(path) for path, variable in named_variables(model) if id(variable) in kernels}


def check(model):
    """Checks the kernels of a model by the names of its weights; returns these names."""
    kernels, names = kernel_paths(model), set()
    for path, variable in named_variables(model):
        name = path[-1].split('.')[-1]
        if variable.trainable:
            names.add(name)
            assert name in KERNELS | OTHERS, f'{path}: a new weight; is it a kernel?'
        assert ('/'.join(path) in kernels) == (variable.trainable and name in KERNELS), path
    assert list(map(id, Weights(model))) == list(map(id, trainable_variables(model)))
    return names


def test_exactly_the_kernels_of_real_models():
    experiments = {
        'cifar10_small': [],
        'digits': ['RefinedGlow.matrix = @PLUMatrix', 'FlowPrior.matrix = @PLUMatrix'],
        'glow_cifar10_small': [],
        'glow_cifar10_class_conditional': ['Glow.num_steps = 2', 'Glow.hidden_channels = 8'],
        'realnvp_cifar10_small': [],
        'cifar10_class_conditional': [
            'RefinedGlow.num_steps = [1, [2], 1]',
            'RefinedGlow.hidden_channels = [4, 8, 8]',
        ],
        'cifar10_z_in_base': [
            'RefinedGlow.num_steps = [1, [2], 1]',
            'RefinedGlow.hidden_channels = [4, 8, 8]',
            'Encoder.widths = [4]',
        ],
    }
    seen = set()
    for name, params in experiments.items():
        seen |= check(read_configuration([name], params).experiment().make_model((32, 32, 3), 0))
    assert seen == KERNELS | OTHERS


def test_numbers_of_cifar10_small_and_what_training_says():
    model = read_configuration(['cifar10_small']).experiment().make_model((32, 32, 3), 0)
    optimizer = AdamW(Weights(model), decay_only_kernels=True)
    assert optimizer.num_decayed == 1_603_728
    assert optimizer.notes(9) == ['Weight decay of 1,603,728 of 1,630,768 parameters, the kernels']
    everything = AdamW(Weights(model))
    assert everything.num_decayed == 1_630_768 and everything.notes(9) == []


class Own(tf.Module):
    """A layer of a user: kernels in a list, a scale per pixel, and a Keras layer."""

    undecayed_weights = ('scale',)

    def __init__(self):
        super().__init__()
        self.layers = [tf.Variable(tf.ones([3, 3])), tf.Variable(tf.ones([3]))]
        self.scale = tf.Variable(tf.ones([4, 4, 3]))
        self.parts = {'first': tf.Variable(tf.ones([2, 3])), 'second': tf.Variable(tf.ones([3]))}
        self.fixed = tf.Variable(tf.ones([5, 5]), trainable=False)
        self.dense = keras.layers.Dense(2)
        self.dense.build([1, 3])


def test_layers_of_a_user():
    found = Weights(Own()).kernels
    assert sorted(tuple(variable.shape) for variable in found) == [(2, 3), (3, 2), (3, 3)]


class Scaled(tfwolf.FlowBijector):
    """y = x exp(a b) with a row and a column, of which one is declared to be no kernel."""

    undecayed_weights = ('row',)

    def __init__(self, seed=0):
        super().__init__(event_ndims=3, dtype=tf.float32, name='scaled')
        self.row = tf.Variable(tf.zeros([1, 4]), name='row')
        self.column = tf.Variable(tf.zeros([4, 1]), name='column')
        self.bias = tf.Variable(tf.zeros([4]), name='bias')


def test_layers_that_are_stacked():
    """The axis of the layers is not counted, and the owner is that in the template."""

    def make(seed=0):
        return tfwolf.Chain([Scaled(), tfwolf.ActNorm(4), tfwolf.InvertibleConv1x1(4)])

    assert kernel_paths(make()) == {'layers/0/column'}
    assert kernel_paths(tfwolf.Repeat(make, 2)) == {'weights/layers.0.column'}
    assert kernel_paths(tfwolf.Repeat(Scaled, 2)) == {'weights/column'}


@pytest.mark.parametrize('name', ['wolf', 'glow', 'realnvp'])
def test_only_kernels_shrink(name):
    """With gradients of zero, kernels are multiplied by 1 - rate decay; the rest stays, bit for
    bit.
    """
    model = small_wolf() if name == 'wolf' else small_flow_alone(name)
    kernels = kernel_paths(model)
    before = {'/'.join(path): np.asarray(each) for path, each in named_variables(model)}
    weights = Weights(model)
    optimizer = AdamW(weights, RATE, weight_decay=0.5, decay_only_kernels=True)
    gradients = [tf.zeros(each.shape, each.dtype) for each in weights]
    tf.function(lambda: optimizer.apply(gradients, tf.constant(True)))()
    assert 0 < len(kernels) < len(before)
    for path, variable in named_variables(model):
        path = '/'.join(path)
        expected = before[path] * np.float32(0.75) if path in kernels else before[path]
        np.testing.assert_array_equal(np.asarray(variable), expected, err_msg=path)


def test_without_the_option_everything_shrinks():
    model = small_wolf()
    weights = Weights(model)
    before = [np.asarray(each) for each in weights]
    optimizer = AdamW(weights, RATE, weight_decay=0.5)
    optimizer.apply([tf.zeros(each.shape, each.dtype) for each in weights], tf.constant(True))
    for variable, value in zip(weights, before):
        np.testing.assert_array_equal(np.asarray(variable), value * np.float32(0.75))


def test_the_option_does_not_change_what_is_saved():
    model = small_wolf()
    plain, chosen = (AdamW(Weights(model), decay_only_kernels=option) for option in (False, True))
    assert [path for path, _ in named_variables(plain)] == [
        path for path, _ in named_variables(chosen)
    ]


def test_a_list_does_not_say_which_are_kernels():
    with pytest.raises(ValueError, match='must be the .*Weights.* of a model.*got a list'):
        AdamW(trainable_variables(small_wolf()), decay_only_kernels=True)


def test_mirrored_variables_are_told_apart():
    strategy = tf.distribute.MirroredStrategy(['/cpu:0', '/cpu:1'])
    with strategy.scope():
        model = small_flow_alone('realnvp')
        weights = Weights(model)
        optimizer = AdamW(weights, RATE, weight_decay=0.5, decay_only_kernels=True)
    kernels = {id(each) for each in weights.kernels}
    before = [np.asarray(each) for each in weights]

    @tf.function
    def step():
        zeros = strategy.run(lambda: [tf.zeros(each.shape, each.dtype) for each in weights])
        optimizer.apply(zeros, tf.constant(True))

    step()
    assert {id(each) for each in model.trainable_variables} > kernels
    for variable, value in zip(weights, before):
        factor = np.float32(0.75 if id(variable) in kernels else 1)
        np.testing.assert_array_equal(np.asarray(variable), value * factor)


def test_a_run_passes_the_kernels(tmp_path, capsys):
    flow = functools.partial(
        tfwolf.RefinedGlow,
        num_steps=[0, [1], 1],
        hidden_channels=[4, 4, 4],
        transform=tfwolf.BoundedAffine(1.0),
    )
    tfwolf.fit(
        model=functools.partial(tfwolf.Wolf, num_bits=5, latent=tfwolf.NoLatent, flow=flow),
        images=random_images(40),
        train_dir=tmp_path / 'run',
        batch_size=8,
        max_steps=1,
        test_samples=0,
        picture_every=0,
        optimizer=functools.partial(AdamW, weight_decay=0.01, decay_only_kernels=True),
        environment=tfwolf.Environment(strategy='one_device'),
    )
    assert 'parameters, the kernels' in capsys.readouterr().out
