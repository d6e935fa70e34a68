"""Flows small enough for property checks."""

import numpy as np
import tensorflow as tf

from support.small_models import residual_net
from tfwolf.bijectors.invertible_conv import InvertibleConv1x1
from tfwolf.bijectors.permutation import reverse_channels
from tfwolf.bijectors.transforms import BoundedAffine, SigmoidAffine
from tfwolf.flows.glow import Glow
from tfwolf.flows.likelihood_contribution import LikelihoodContribution
from tfwolf.flows.realnvp import RealNVP
from tfwolf.flows.refined_glow import RefinedGlow

SHAPE = (4, 4, 4)


def draw(*shape, seed=0):
    """Return uniform float64 values in (-0.9, 0.9)."""
    return tf.constant(np.random.default_rng(seed).uniform(-0.9, 0.9, shape))


def small_glow(condition_dim=3):
    """Return a tiny Glow for images of `SHAPE`; with a condition, it predicts the class."""
    return Glow(
        SHAPE,
        condition_dim,
        2,
        1,
        3,
        SigmoidAffine(),
        InvertibleConv1x1,
        classification_weight=0.1 if condition_dim else 0.0,
        dtype=tf.float64,
    )


def small_real_nvp(factor_out=None, **changes):
    """Return a tiny Real NVP for images of `SHAPE`, by default with LCMA."""
    return RealNVP(
        SHAPE,
        0,
        2,
        3,
        residual_net(0),
        factor_out=factor_out or LikelihoodContribution(5),
        dtype=tf.float64,
        **changes,
    )


def small_refined_glow():
    """Return a tiny refined Glow for images of `SHAPE` and conditions of size 3."""
    return RefinedGlow(SHAPE, 3, [0, [1], 1], [3, 3, 3], BoundedAffine(1.0), dtype=tf.float64)


def two_level_refined_glow(dtype, **changes):
    """Return a small refined Glow for images (4, 8, 2) with steps at all levels."""
    arguments = dict(
        image_shape=(4, 8, 2),
        condition_dim=3,
        num_steps=[1, [2, 1], 2],
        hidden_channels=[3, 4, 4],
        transform=BoundedAffine(1.0),
        dtype=dtype,
    )
    return RefinedGlow(**{**arguments, **changes})


def factoring_real_nvp(factor_out, shape=(8, 8, 2), num_scales=3, dtype=tf.float64):
    """Return a tiny Real NVP with this factor-out."""
    return RealNVP(shape, 0, num_scales, 4, residual_net(1), factor_out=factor_out, dtype=dtype)


def factoring_glow(factor_out, shape=(8, 8, 2)):
    """Return a tiny Glow with this factor-out that reverses channels."""
    return Glow(
        shape,
        0,
        3,
        1,
        4,
        SigmoidAffine(),
        reverse_channels,
        factor_out=factor_out,
        dtype=tf.float64,
    )


def factoring_refined_glow(factor_out, shape=(8, 8, 2)):
    """Return a tiny refined Glow with two middle levels that factor out twice."""
    return RefinedGlow(
        shape,
        0,
        [0, [1, 1], [1, 1], 1],
        [4] * 4,
        BoundedAffine(1.0),
        factor_out=factor_out,
        dtype=tf.float64,
    )


FACTORING_FLOWS = [factoring_real_nvp, factoring_glow, factoring_refined_glow]
