"""Models small enough to build in a moment."""

import functools

import numpy as np
import tensorflow as tf

from support.bijector_checks import move_weights
from tfwolf.bijectors.invertible_conv import InvertibleConv1x1
from tfwolf.bijectors.permutation import reverse_channels
from tfwolf.bijectors.transforms import Additive, BoundedAffine, SigmoidAffine
from tfwolf.distributions.prior import FlowPrior, NormalPrior
from tfwolf.flows.glow import Glow
from tfwolf.flows.realnvp import RealNVP
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.models.dequantizer import FlowDequantizer
from tfwolf.models.encoder import Encoder
from tfwolf.models.feature_encoder import FeatureEncoder
from tfwolf.models.gaussian_latent import GaussianLatent
from tfwolf.models.initialization import initialize
from tfwolf.models.label_latents import LabelCondition
from tfwolf.models.no_latent import NoLatent
from tfwolf.models.wolf import Wolf
from tfwolf.nets.residual_coupling_net import ResidualCouplingNet

SHAPE = (8, 8, 3)


def random_images(count, shape=SHAPE, seed=0):
    """Returns made-up uint8 images with smooth structure."""
    random = np.random.default_rng(seed)
    coarse = (
        random.integers(0, 200, (count, 2, 2, shape[2]))
        .repeat(shape[0] // 2, 1)
        .repeat(shape[1] // 2, 2)
    )
    return (coarse + random.integers(0, 55, (count, *shape))).astype(np.uint8)


def residual_net(num_blocks):
    """Returns a factory of Real NVP's networks with so many residual blocks."""
    return functools.partial(ResidualCouplingNet, num_blocks=num_blocks)


def small_flow_alone(name, dtype=tf.float32, seed=0):
    """Returns a tiny `Wolf` without z whose flow is 'glow', 'realnvp', 'shallow realnvp' or 'lagged
    realnvp'.
    """
    flow = {
        'glow': functools.partial(
            Glow,
            num_levels=2,
            num_steps=2,
            hidden_channels=8,
            transform=SigmoidAffine(),
            permutation=InvertibleConv1x1,
        ),
        'shallow realnvp': functools.partial(
            RealNVP, num_scales=1, hidden_channels=4, net=residual_net(0), lag=True
        ),
        'realnvp': functools.partial(RealNVP, num_scales=2, hidden_channels=4, net=residual_net(1)),
        'lagged realnvp': functools.partial(
            RealNVP, num_scales=2, hidden_channels=4, net=residual_net(1), lag=True
        ),
    }[name]
    return Wolf(SHAPE, 8, flow=flow, latent=NoLatent, seed=seed, dtype=dtype)


def small_wolf(
    dtype=tf.float32,
    latent='flow',
    num_bits=8,
    shape=SHAPE,
    seed=0,
    images=None,
    condition=None,
    flow=RefinedGlow,
    hidden_channels=(4, 8, 8),
):
    """Returns a tiny `Wolf`; `latent` is 'flow', 'normal' or None; initialized from `images` if
    they are given; with a `condition`, and another class of its `flow`.
    """
    flow = functools.partial(
        flow,
        num_steps=[1, [2], 1],
        hidden_channels=hidden_channels,
        transform=BoundedAffine(1.0),
    )
    prior = {
        'flow': functools.partial(
            FlowPrior, num_steps=1, hidden_features=8, transform=BoundedAffine(1.0)
        ),
        'normal': NormalPrior,
        None: None,
    }[latent]
    make_latent = (
        NoLatent
        if latent is None
        else functools.partial(
            GaussianLatent,
            latent_dim=4,
            prior=prior,
            encoder=functools.partial(Encoder, widths=[6], out_channels=4),
        )
    )
    model = Wolf(
        shape,
        num_bits,
        flow=flow,
        latent=make_latent,
        seed=seed,
        dtype=dtype,
        condition=condition,
    )
    if images is not None:
        initialize(model, images, seed)
    return model


def small_dequantizer(kind=RefinedGlow):
    """Returns a factory of a tiny learned dequantizer; `kind` is the class of its flow."""
    return functools.partial(
        FlowDequantizer,
        encoder=functools.partial(FeatureEncoder, widths=[4], out_channels=2),
        flow=functools.partial(
            kind, num_steps=[1, 1], hidden_channels=[4, 6], transform=BoundedAffine(1.0)
        ),
    )


def dequantizing_wolf(dtype=tf.float32, images=None, seed=0):
    """Returns a `small_wolf` with a learned dequantizer; if images are given, it is initialized and
    away from where it starts.
    """
    arguments = small_wolf(dtype, seed=seed)._arguments.value
    model = Wolf(**{**arguments, 'dequantizer': small_dequantizer()})
    if images is not None:
        initialize(model, images, seed)
        move_weights(model, 0.05)
    return model


def stirred_wolf():
    """Returns a `small_wolf` whose weights are away from where they start, so that z matters."""
    model = small_wolf(images=random_images(32))
    for number, variable in enumerate(model.trainable_variables):
        variable.assign_add(np.random.default_rng(number).normal(0, 0.15, variable.shape))
    return model


def small_class_model(num_classes=3):
    """Returns a tiny Glow of class labels, initialized, in which the label matters."""
    flow = functools.partial(
        Glow,
        num_levels=2,
        num_steps=1,
        hidden_channels=4,
        transform=Additive(),
        permutation=reverse_channels,
    )
    model = Wolf(
        SHAPE, 8, flow=flow, latent=functools.partial(LabelCondition, num_classes=num_classes)
    )
    initialize(model, random_images(32), 0, labels=np.arange(32) % num_classes)
    # The map from the label to the top prior starts at zero.
    for variable in model.flow.trainable_variables:
        if variable.shape.rank == 2 and variable.shape[0] == num_classes:
            variable.assign(np.random.default_rng(0).normal(0, 0.3, variable.shape))
    return model
