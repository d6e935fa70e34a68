"""Networks in bfloat16, everything else in float32: types, accuracy, exact inverses, gradients."""

import functools
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import move_weights
from support.small_models import random_images
from tfwolf.bijectors.invertible_conv import InvertibleConv1x1
from tfwolf.bijectors.transforms import BoundedAffine, SigmoidAffine
from tfwolf.core import seeds
from tfwolf.core.variables import as_tensorflow, named_variables, trainable_variables
from tfwolf.distributions.prior import NormalPrior
from tfwolf.flows.glow import Glow
from tfwolf.flows.levels import networks
from tfwolf.flows.realnvp import RealNVP
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.models.encoder import Encoder
from tfwolf.models.gaussian_latent import GaussianLatent
from tfwolf.models.initialization import initialize
from tfwolf.models.no_latent import NoLatent
from tfwolf.models.wolf import Wolf
from tfwolf.nets.coupling_nets import ConvCouplingNet
from tfwolf.nets.glow_net import GlowCouplingNet
from tfwolf.nets.precision import compute_type
from tfwolf.nets.residual import Conv, ResidualBlock
from tfwolf.nets.residual_coupling_net import ResidualCouplingNet
from tfwolf.runs.configuration import read_configuration

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGES = random_images(32)


def model(name, compute_dtype):
    """Return a tiny model with perturbed weights, the same for every `compute_dtype`."""
    latent = NoLatent
    if name == 'wolf':
        flow, net = (
            functools.partial(
                RefinedGlow,
                num_steps=[0, [2], 1],
                hidden_channels=[4, 8, 8],
                transform=BoundedAffine(1.0),
            ),
            ConvCouplingNet,
        )
        latent = functools.partial(
            GaussianLatent,
            latent_dim=4,
            prior=NormalPrior,
            encoder=functools.partial(
                Encoder, widths=[6], out_channels=4, compute_dtype=compute_dtype
            ),
        )
    elif name == 'glow':
        flow = functools.partial(
            Glow,
            num_levels=2,
            num_steps=1,
            hidden_channels=8,
            transform=SigmoidAffine(),
            permutation=InvertibleConv1x1,
        )
        net = GlowCouplingNet
    else:
        flow, net = (
            functools.partial(RealNVP, num_scales=1, hidden_channels=4),
            functools.partial(ResidualCouplingNet, num_blocks=1),
        )
    made = Wolf(
        (8, 8, 3),
        8,
        flow=functools.partial(flow, net=functools.partial(net, compute_dtype=compute_dtype)),
        latent=latent,
    )
    initialize(made, IMAGES, seed=0)
    move_weights(made.flow, 0.05)
    return made


@pytest.mark.parametrize('name', ['wolf', 'glow', 'realnvp'])
def test_only_the_networks_are_in_bfloat16(name, monkeypatch):
    exact, low = model(name, None), model(name, 'bfloat16')
    for (path, one), (_, two) in zip(named_variables(exact), named_variables(low), strict=True):
        assert one.dtype == two.dtype != tf.bfloat16, path
        as_tensorflow(two).assign(as_tensorflow(one))
    noise = exact.draw_noise(32, seeds.tensor_seed(0, 'noise'))
    variables = [as_tensorflow(variable) for variable in trainable_variables(low)]

    @tf.function(autograph=False)
    def bits_and_gradients(images):
        with tf.GradientTape() as tape:
            bits = low.bits_per_dim(images, noise)
        return bits, tape.gradient(bits, variables)

    products, multiply = {}, tf.matmul

    def noted(first, second, *arguments, **options):
        products.setdefault(second.dtype.name, set()).add(tuple(second.shape))
        return multiply(first, second, *arguments, **options)

    monkeypatch.setattr(tf, 'matmul', noted)
    images = tf.constant(IMAGES)
    definition = bits_and_gradients.get_concrete_function(images).graph.as_graph_def()
    nodes = [
        *definition.node,
        *(node for function in definition.library.function for node in function.node_def),
    ]
    types = {}
    for node in nodes:
        if node.attr['T'].type:
            types.setdefault(node.op, set()).add(tf.as_dtype(node.attr['T'].type).name)
    for kind in ('Conv2D', 'Conv2DBackpropFilter', 'Conv2DBackpropInput'):
        # The last convolution of the encoder, 1x1 on a few features, stays in float32.
        assert types[kind] - ({'float32'} if name == 'wolf' else set()) == {'bfloat16'}, kind
    for kind in {'Qr', 'Log', 'Exp', 'Softplus', 'MatrixInverse'} & types.keys():
        assert types[kind] == {'float32'}, kind
    # The only matrix products in bfloat16 are the 1x1 convolutions of the networks.
    kernels = {
        tuple(variable.shape[-2:])
        for path, variable in named_variables(low)
        if tuple(variable.shape[-4:-2]) == (1, 1)
    }
    hidden = {'wolf': (8, 8), 'glow': (8, 8), 'realnvp': (4, 4)}[name]
    assert hidden in products['bfloat16'] <= kernels and hidden not in products.get(
        'float32', set()
    )
    bits, gradients = bits_and_gradients(images)
    expected = exact.bits_per_dim(images, noise)
    assert bits.dtype == tf.float32 and all(gradient.dtype == tf.float32 for gradient in gradients)
    difference = np.abs(bits - expected).max()
    assert 1e-6 < difference < 0.05
    assert all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize('name', ['wolf', 'glow', 'realnvp'])
def test_the_inverse_is_exact(name):
    low = model(name, 'bfloat16')
    z, v = low.encode(IMAGES)
    np.testing.assert_array_equal(low.decode(z, v), IMAGES)


def test_unsupported_types_are_rejected():
    assert (
        compute_type(None, 'float64') == tf.float64
        and compute_type('bfloat16', tf.float32) == tf.bfloat16
    )
    for wrong in ('float16', 'bf16', 'int32'):
        with pytest.raises(ValueError, match=f'compute_dtype.*{wrong}'):
            compute_type(wrong, tf.float32)


def test_the_precision_of_an_experiment_reaches_every_part_with_networks():
    """Every part with a `compute_dtype` receives the precision, and 'full' resets it."""
    for file in ('cifar10_small', 'glow_cifar10_small', 'realnvp_cifar10_small'):
        for precision, own, expected in (
            ('bfloat16', [], tf.bfloat16),
            ('full', ["experiment.precision = 'bfloat16'"], tf.float32),
        ):
            made = (
                read_configuration([file], [*own, f'experiment.precision = {precision!r}'])
                .experiment()
                .make_model((32, 32, 3), seed=0)
            )
            nets = networks([made.flow])
            assert nets and {net.compute_dtype for net in nets} == {expected}, (file, precision)
            encoder = getattr(made.latent, 'encoder', None)
            if encoder:
                inner = [
                    layer for layer in encoder._flatten_layers() if isinstance(layer, ResidualBlock)
                ]
                convolutions = [
                    layer
                    for block in inner
                    for layer in block._flatten_layers()
                    if isinstance(layer, Conv)
                ]
                assert convolutions and {layer.compute_type for layer in convolutions} == {
                    expected
                }, (file, precision)
    with pytest.raises(ValueError, match='bfloat17'):
        read_configuration(['digits'], ["experiment.precision = 'bfloat17'"]).experiment()
