"""Factor-out by position and at random, and contributions to the log-determinant."""

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import check_bijector, move_weights
from support.small_flows import (
    FACTORING_FLOWS,
    factoring_real_nvp,
)
from tfwolf.bijectors.composite import walk_leaves
from tfwolf.bijectors.transforms import BoundedAffine
from tfwolf.flows.arrangement import Arrangement
from tfwolf.flows.factor_out import Conventional, RandomHalves
from tfwolf.flows.likelihood_contribution import (
    LikelihoodContribution,
    Unsplit,
)
from tfwolf.flows.refined_glow import RefinedGlow

RANDOM = np.random.default_rng(0)


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
    # Windows are not balanced: some keep all of their positions, some none.
    kept = np.isin(np.arange(128), moved[..., :4]).reshape(4, 2, 4, 2, 2).sum(axis=(1, 3))
    assert kept.min() < 2 < kept.max()


@pytest.mark.parametrize(
    'factor_out', [Conventional(), RandomHalves(), Unsplit()], ids=lambda part: type(part).__name__
)
@pytest.mark.parametrize('make', FACTORING_FLOWS)
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


def test_contributions_of_element_wise_layers_are_log_slopes():
    """If all layers are element-wise with constant parameters, contributions are log-slopes."""
    flow = factoring_real_nvp(Unsplit(), num_scales=2)
    move_weights(flow)
    for net in (layer.net for _, layer in leaves(flow) if hasattr(layer, 'net')):
        net.first.length.assign(tf.zeros_like(net.first.length))
    x = tf.constant(RANDOM.uniform(-0.9, 0.9, (1, 8, 8, 2)))
    y, contributions = flow.forward_with_contributions(x, tf.zeros_like(x))
    slope = (flow.forward_and_log_det(x + 1e-6)[0] - y) / 1e-6
    np.testing.assert_allclose(contributions, np.log(slope), atol=1e-4)


def leaves(flow):
    """Return `[(path, layer)]` of all layers that are not composites."""
    found = []
    walk_leaves(
        flow,
        lambda path, layer, x: found.append((path, layer)) or x,
        tf.zeros([1, 8, 8, 2], flow.dtype),
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
