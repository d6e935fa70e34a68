"""Which dimensions leave: LCMA's re-arrangement against loops over the image, random halves,
contributions that add up.
"""

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import check_bijector, move_weights
from support.small_models import random_images, residual_net
from tfwolf.bijectors.composite import walk_leaves
from tfwolf.bijectors.permutation import reverse_channels
from tfwolf.bijectors.transforms import BoundedAffine, SigmoidAffine
from tfwolf.data.dataset import ArraySplit
from tfwolf.flows.arrangement import Arrangement
from tfwolf.flows.factor_out import (
    Conventional,
    LikelihoodContribution,
    RandomHalves,
    Unsplit,
    contributions_at_factor_outs,
    window_order,
)
from tfwolf.flows.glow import Glow
from tfwolf.flows.realnvp import RealNVP
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.models.initialization import initialize
from tfwolf.models.latents import NoLatent
from tfwolf.models.preparation import conclude_preparation, preparing_model
from tfwolf.models.wolf import Wolf

RANDOM = np.random.default_rng(0)


def real_nvp(factor_out, shape=(8, 8, 2), num_scales=3, dtype=tf.float64):
    """Returns a tiny Real NVP."""
    return RealNVP(shape, 0, num_scales, 4, residual_net(1), factor_out=factor_out, dtype=dtype)


def glow(factor_out, shape=(8, 8, 2)):
    """Returns a tiny Glow that moves channels."""
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


def wolf_flow(factor_out, shape=(8, 8, 2)):
    """Returns a tiny refined Glow with two middle levels that factor out twice."""
    return RefinedGlow(
        shape,
        0,
        [0, [1, 1], [1, 1], 1],
        [4] * 4,
        BoundedAffine(1.0),
        factor_out=factor_out,
        dtype=tf.float64,
    )


FLOWS = [real_nvp, glow, wolf_flow]


def places_after(flow, shape):
    """Returns where the flow's arrangements, and nothing else of it, send each place of an image,
    in v's layout.
    """

    def visit(path, layer, x):
        return layer.forward_and_log_det(x)[0] if isinstance(layer, Arrangement) else x

    places = tf.reshape(tf.range(np.prod(shape), dtype=tf.float64), [1, *shape])
    return walk_leaves(flow, visit, places)[0].numpy().astype(int)


def choose(places, value_of, keep_most):
    """Returns by loops, for places `[height, width, c]`: those that go on `[h / 2, w / 2, 2 c]`
    and, per window, the two others, worst last.
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
@pytest.mark.parametrize('make', [real_nvp, glow])
def test_lcma_is_the_choice_by_windows(make, keep_most):
    shape = (8, 8, 2)
    # Few values, so that there are ties.
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


def test_wolf_lets_the_lower_half_of_the_leaving_leave_first():
    shape = (8, 8, 2)
    contributions = RANDOM.standard_normal((2, *shape))
    factor_out = LikelihoodContribution(1)
    flow = wolf_flow(factor_out)
    factor_out.conclude(flow, contributions)
    kept, left = choose(
        np.arange(np.prod(shape)).reshape(shape), contributions[0].reshape(-1), True
    )
    moved = tf.nn.space_to_depth(places_after(flow, shape)[None], 2).numpy()[0]
    for (i, j, c), (upper, lower) in left.items():
        # v is [went on, left last, left first] along channels.
        assert moved[i, j, 4 + c] == upper and moved[i, j, 6 + c] == lower
    kept2, _ = choose(kept, contributions[1].reshape(-1), True)
    np.testing.assert_array_equal(tf.nn.space_to_depth(moved[None, ..., :4], 2)[0, ..., :8], kept2)


def test_ties_go_to_the_earlier_position():
    order = window_order(np.zeros((1, 1, 4)), 1, True)
    np.testing.assert_array_equal(order, [[[0, 1, 2, 3]]])
    order = window_order(np.array([[[0.0, 3.0, 1.0, 3.0]]]), 2, True)
    np.testing.assert_array_equal(order, [[[1, 3, 2, 0]]])


@pytest.mark.parametrize('num_leaving', [1, 2])
def test_random_halves(num_leaving):
    shape = (4, 4, 8)
    (one,), (same,), (other,) = (
        RandomHalves().layers(shape, num_leaving, seed, tf.float64) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.order, same.order)
    assert np.any(one.order.numpy() != other.order.numpy())
    check_bijector(one, RANDOM.standard_normal((2, *shape)))
    # Each part is in raster order of the unsqueezed image.
    image = tf.nn.space_to_depth(tf.reshape(tf.range(128), [1, 8, 8, 2]), 2)
    moved = one.forward(tf.cast(image, tf.float64)).numpy()[0].astype(int)
    for part in np.split(moved, [4] if num_leaving == 1 else [4, 6], axis=-1):
        assert np.all(np.diff(part.reshape(-1)) > 0)
    # No window keeps its share: a random half has windows with all and with none of their
    # positions.
    kept = np.isin(np.arange(128), moved[..., :4]).reshape(4, 2, 4, 2, 2).sum(axis=(1, 3))
    assert kept.min() < 2 < kept.max()


@pytest.mark.parametrize(
    'factor_out', [Conventional(), RandomHalves(), Unsplit()], ids=lambda part: type(part).__name__
)
@pytest.mark.parametrize('make', FLOWS)
def test_contributions_add_up_to_the_log_determinant(make, factor_out):
    flow = make(factor_out)
    move_weights(flow)
    x = tf.constant(RANDOM.uniform(-0.9, 0.9, (3, 8, 8, 2)))
    before = tf.constant(RANDOM.standard_normal(x.shape))
    y, contributions = flow.forward_with_contributions(x, before)
    expected, log_det = flow.forward_and_log_det(x)
    np.testing.assert_allclose(y, expected, atol=1e-12)
    np.testing.assert_allclose(
        tf.reduce_sum(contributions - before, axis=[1, 2, 3]), log_det, rtol=1e-9
    )


def test_contributions_of_couplings_and_norms_belong_to_their_dimensions():
    """In a flow of element-wise layers whose parameters do not depend on x, each dimension's share
    is the log of its own slope.
    """
    flow = real_nvp(Unsplit(), num_scales=2)
    move_weights(flow)
    for net in (layer.net for _, layer in leaves(flow) if hasattr(layer, 'net')):
        net.first.length.assign(tf.zeros_like(net.first.length))
    x = tf.constant(RANDOM.uniform(-0.9, 0.9, (1, 8, 8, 2)))
    y, contributions = flow.forward_with_contributions(x, tf.zeros_like(x))
    slope = (flow.forward_and_log_det(x + 1e-6)[0] - y) / 1e-6
    np.testing.assert_allclose(contributions, np.log(slope), atol=1e-4)


def leaves(flow):
    """Returns `[(path, layer)]` of all layers that hold no others."""
    found = []
    walk_leaves(
        flow,
        lambda path, layer, x: found.append((path, layer)) or x,
        tf.zeros([1, 8, 8, 2], flow.dtype),
    )
    return found


@pytest.mark.parametrize('make', FLOWS)
def test_phase_1_measures_in_the_layout_of_the_image(make):
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
    """As `leaves`, for images of three channels."""
    found = []
    walk_leaves(
        flow,
        lambda path, layer, x: found.append((path, layer)) or x,
        tf.zeros([1, 8, 8, 3], flow.dtype),
    )
    return found


def test_bad_arguments():
    with pytest.raises(ValueError, match='phase1_steps'):
        LikelihoodContribution(0)
    with pytest.raises(ValueError, match='once or twice'):
        LikelihoodContribution(1).layers((2, 2, 8), 3, 0, tf.float32)
    with pytest.raises(ValueError, match='half of the channels'):
        RefinedGlow(
            (8, 8, 4),
            0,
            [0, [1], 1],
            [4] * 3,
            BoundedAffine(1.0),
            factors=[4],
            factor_out=RandomHalves(),
        )
    with pytest.raises(ValueError, match='each of 0'):
        Arrangement((1, 1, 2)).decide([[[0, 0]]])
