"""LCMA: its order against loops over the image, its measurement, and both training phases."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import check_bijector, move_weights
from support.small_flows import (
    FACTORING_FLOWS,
    factoring_glow,
    factoring_real_nvp,
    factoring_refined_glow,
)
from support.small_models import random_images, residual_net
from tfwolf.bijectors.composite import walk_leaves
from tfwolf.core.variables import named_variables
from tfwolf.data.array_split import ArraySplit
from tfwolf.distributions.prior import NormalPrior
from tfwolf.flows.arrangement import Arrangement
from tfwolf.flows.conditional_base import ConditionalBase
from tfwolf.flows.likelihood_contribution import (
    LikelihoodContribution,
    Unsplit,
    contributions_at_factor_outs,
    window_order,
)
from tfwolf.flows.realnvp import RealNVP
from tfwolf.models.encoder import Encoder
from tfwolf.models.gaussian_latent import GaussianLatent
from tfwolf.models.initialization import initialize
from tfwolf.models.no_latent import NoLatent
from tfwolf.models.preparation import conclude_preparation, preparing_model
from tfwolf.models.wolf import Wolf

RANDOM = np.random.default_rng(0)


def places_after(flow, shape):
    """Return the image position of each entry of v under the flow's arrangements alone."""

    def visit(path, layer, x):
        return layer.forward_and_log_det(x)[0] if isinstance(layer, Arrangement) else x

    places = tf.reshape(tf.range(np.prod(shape), dtype=tf.float64), [1, *shape])
    return walk_leaves(flow, visit, places)[0].numpy().astype(int)


def choose(places, value_of, keep_most):
    """Return, by loops, the kept places `[h / 2, w / 2, 2 c]` and the others of each window.

    Args:
        places: `[h, w, c]`.
        value_of: contribution of each place.
        keep_most: whether the largest contributions are kept.
    """
    height, width, channels = places.shape
    kept = np.zeros((height // 2, width // 2, 2 * channels), int)
    left = {}
    for i in range(height // 2):
        for j in range(width // 2):
            for c in range(channels):
                window = [
                    places[2 * i, 2 * j, c],
                    places[2 * i, 2 * j + 1, c],
                    places[2 * i + 1, 2 * j, c],
                    places[2 * i + 1, 2 * j + 1, c],
                ]
                ranked = sorted(
                    range(4), key=lambda k: ((-1 if keep_most else 1) * value_of[window[k]], k)
                )
                first, second = sorted(ranked[:2])
                kept[i, j, c], kept[i, j, channels + c] = window[first], window[second]
                left[i, j, c] = [window[k] for k in ranked[2:]]
    return kept, left


@pytest.mark.parametrize('keep_most', [True, False])
@pytest.mark.parametrize('make', [factoring_real_nvp, factoring_glow])
def test_lcma_equals_the_choice_by_loops(make, keep_most):
    shape = (8, 8, 2)
    # Few different values, so that there are ties.
    contributions = RANDOM.integers(0, 4, (2, *shape)).astype(float)
    factor_out = LikelihoodContribution(1, keep_most)
    flow = make(factor_out)
    factor_out.conclude(flow, contributions)
    image = np.arange(np.prod(shape)).reshape(shape)
    kept1, left1 = choose(image, contributions[0].reshape(-1), keep_most)
    kept2, left2 = choose(kept1, contributions[1].reshape(-1), keep_most)
    moved = places_after(flow, shape)[None]
    assert sorted(moved.reshape(-1)) == list(range(np.prod(shape)))
    level1 = tf.nn.space_to_depth(moved, 2).numpy()
    level2 = tf.nn.space_to_depth(level1[..., :4], 2).numpy()[0]
    np.testing.assert_array_equal(level2[..., :8], kept2)
    for (i, j, c), pair in left1.items():
        assert list(level1[0, i, j, 4 + c :: 2]) == sorted(pair)
    for (i, j, c), pair in left2.items():
        assert set(level2[i, j, 8 + c :: 4]) == set(pair)


def test_of_the_leaving_dimensions_the_lower_half_leaves_first():
    shape = (8, 8, 2)
    contributions = RANDOM.standard_normal((2, *shape))
    factor_out = LikelihoodContribution(1)
    flow = factoring_refined_glow(factor_out)
    factor_out.conclude(flow, contributions)
    kept, left = choose(
        np.arange(np.prod(shape)).reshape(shape), contributions[0].reshape(-1), True
    )
    moved = tf.nn.space_to_depth(places_after(flow, shape)[None], 2).numpy()[0]
    for (i, j, c), (upper, lower) in left.items():
        # The channels of v are [stayed, left last, left first].
        assert moved[i, j, 4 + c] == upper and moved[i, j, 6 + c] == lower
    kept2, _ = choose(kept, contributions[1].reshape(-1), True)
    np.testing.assert_array_equal(tf.nn.space_to_depth(moved[None, ..., :4], 2)[0, ..., :8], kept2)


def test_ties_go_to_the_earlier_position():
    order = window_order(np.zeros((1, 1, 4)), 1, True)
    np.testing.assert_array_equal(order, [[[0, 1, 2, 3]]])
    order = window_order(np.array([[[0.0, 3.0, 1.0, 3.0]]]), 2, True)
    np.testing.assert_array_equal(order, [[[1, 3, 2, 0]]])


@pytest.mark.parametrize(
    'make',
    [
        pytest.param(make, marks=pytest.mark.slow if make is factoring_refined_glow else ())
        for make in FACTORING_FLOWS
    ],
)
def test_phase_1_measures_in_image_layout(make):
    flow = make(Unsplit())
    move_weights(flow)
    x = tf.constant(RANDOM.uniform(-0.9, 0.9, (3, 8, 8, 2)))
    measured = contributions_at_factor_outs(flow, x)
    assert [part.shape for part in measured] == [x.shape, x.shape]
    compiled = tf.function(lambda x: contributions_at_factor_outs(flow, x), autograph=False)(x)
    for eager, graph in zip(measured, compiled):
        np.testing.assert_allclose(eager, graph, atol=1e-12)
    assert np.abs(measured[1] - measured[0]).max() > 0
    check_bijector(flow, x)


def test_both_phases_and_the_round_trip():
    images = random_images(24, (8, 8, 3))
    model = Wolf(
        (8, 8, 3),
        8,
        latent=NoLatent,
        flow=lambda factor_out=LikelihoodContribution(2), **parts: RealNVP(
            **parts, num_scales=3, hidden_channels=4, net=residual_net(1), factor_out=factor_out
        ),
    )
    with pytest.raises(RuntimeError, match='phase 1'):
        initialize(model, images, seed=0)
    first = preparing_model(model)
    assert first.flow.preparation is None
    initialize(first, images, seed=0)
    move_weights(first.flow, 0.05)
    conclude_preparation(
        model, first, ArraySplit(lambda: (images, None), 24, (8, 8, 3)), 10, seed=0
    )
    initialize(model, images, seed=0)
    arrangements = [layer for _, layer in leaves_of(model.flow) if isinstance(layer, Arrangement)]
    assert [layer.shape for layer in arrangements] == [(4, 4, 12), (2, 2, 24)] and all(
        layer.decided for layer in arrangements
    )
    assert any(
        np.any(layer.order.numpy() != np.arange(layer.order.shape[0])) for layer in arrangements
    )
    np.testing.assert_array_equal(model.decode(*model.encode(images)), images)
    with pytest.raises(ValueError, match='too many'):
        model.flow.preparation.conclude(model.flow, [np.zeros((8, 8, 3))] * 3)


def leaves_of(flow):
    """Return `[(path, layer)]` of all layers that are not composites."""
    found = []
    walk_leaves(
        flow,
        lambda path, layer, x: found.append((path, layer)) or x,
        tf.zeros([1, 8, 8, 3], flow.dtype),
    )
    return found


def test_lcma_in_a_conditional_base_is_prepared():
    images = random_images(16, (8, 8, 3))

    def inner(factor_out=LikelihoodContribution(2), **given):
        return RealNVP(
            **given, num_scales=2, hidden_channels=3, net=residual_net(0), factor_out=factor_out
        )

    latent = functools.partial(
        GaussianLatent,
        latent_dim=3,
        prior=NormalPrior,
        encoder=functools.partial(Encoder, widths=[4], out_channels=2),
    )
    model = Wolf((8, 8, 3), 8, latent=latent, flow=functools.partial(ConditionalBase, flow=inner))
    preparation = model.flow.preparation
    assert preparation.num_steps == 2 and isinstance(
        preparation.flow_changes['flow'].keywords['factor_out'], Unsplit
    )
    with pytest.raises(RuntimeError, match='phase 1'):
        initialize(model, images, seed=0)
    first = preparing_model(model)
    assert isinstance(first.flow, ConditionalBase) and first.flow.preparation is None
    initialize(first, images, seed=0)
    move_weights(first.flow, 0.05)
    conclude_preparation(model, first, ArraySplit(lambda: (images, None), 16, (8, 8, 3)), 8, seed=0)
    initialize(model, images, seed=0)
    orders = [variable for path, variable in named_variables(model) if path[-1] == 'order']
    assert len(orders) == 1 and np.any(orders[0].numpy() != np.arange(192))
    np.testing.assert_array_equal(model.decode(*model.encode(images)), images)
