"""Training steps: replicas, skipped steps, diagnosis, clipping and checks."""

import numpy as np
import pytest
import tensorflow as tf

from support.small_models import small_flow_alone, small_wolf
from support.training_steps import (
    BATCH,
    IMAGES,
    SPLIT,
    assert_equal_trainings,
    make_run,
    take_steps,
    weights,
)
from tfwolf.core.variables import as_tensorflow, named_variables
from tfwolf.evaluation.likelihood import evaluate_likelihood
from tfwolf.models.initialization import initialize
from tfwolf.training.diagnosis import first_bad_layer
from tfwolf.training.objective import Objective
from tfwolf.training.strategy import check_batch_size, make_strategy


@pytest.mark.parametrize(
    'objective, model',
    [
        pytest.param(Objective(), {}, marks=pytest.mark.slow),
        pytest.param(
            Objective(kl_warmup_steps=4, free_nats_per_dim=0.3), {}, marks=pytest.mark.slow
        ),
        (Objective(), {'make': small_flow_alone, 'name': 'glow'}),
        # Each batch norm communicates with the other replica, which takes minutes to trace.
        *(
            pytest.param(
                Objective(), {'make': small_flow_alone, 'name': name}, marks=pytest.mark.slow
            )
            for name in ('shallow realnvp', 'realnvp', 'lagged realnvp')
        ),
    ],
    ids=['bound', 'helped', 'glow', 'shallow realnvp', 'realnvp', 'lagged realnvp'],
)
def test_two_replicas_equal_one_device(objective, model):
    """Initialization from data, five steps, batch statistics and evaluation agree to rounding."""
    results = []
    for name in ('one_device', 'mirrored'):
        strategy = make_strategy(name)
        wolf, _, step = make_run(strategy, tf.float64, objective, clip_norm=100.0, **model)
        initialize(wolf, IMAGES[:32], seed=1)
        metrics = take_steps(strategy, step, 0, 5)
        results.append(
            (
                strategy.num_replicas_in_sync,
                metrics,
                weights(wolf),
                evaluate_likelihood(wolf, SPLIT, 24, 2, 0, strategy),
            )
        )
    (
        (one, metrics_one, weights_one, evaluated_one),
        (two, metrics_two, weights_two, evaluated_two),
    ) = results
    assert (one, two) == (1, 2)
    # The gradient of a shift before batch norm is only rounding, which Adam divides by 1e-8.
    atol = 1e-8 if 'realnvp' in model.get('name', '') else 1e-9
    assert_equal_trainings(
        (metrics_two, weights_two), (metrics_one, weights_one), weights_atol=atol
    )
    assert evaluated_one.keys() == evaluated_two.keys()
    assert evaluated_one.pop('dequantization') == evaluated_two.pop('dequantization') == 'uniform'
    for name, value in evaluated_one.items():
        # The error of a difference is that of the numbers of order one that it is computed from.
        np.testing.assert_allclose(evaluated_two[name], value, rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.slow
def test_float32_replicas_equal_one_device_and_clip_the_summed_gradient():
    results = []
    for name in ('one_device', 'mirrored'):
        strategy = make_strategy(name)
        model, optimizer, step = make_run(strategy, peak=1e-3, clip_norm=0.5)
        initialize(model, IMAGES[:32], seed=1)
        metrics = take_steps(strategy, step, 0, 1)
        assert metrics[0]['gradient_norm'] > 0.5
        moment_norm = tf.linalg.global_norm(
            [tf.convert_to_tensor(moment) for moment in optimizer.first_moments]
        )
        np.testing.assert_allclose(moment_norm, 0.1 * 0.5, rtol=1e-4)
        metrics += take_steps(strategy, step, 1, 5)
        results.append([each['loss_nats'] for each in metrics])
    np.testing.assert_allclose(*results, rtol=1e-5)


def test_replicas_stay_bit_equal_with_clipping():
    strategy = make_strategy('mirrored')
    model, optimizer, step = make_run(strategy, clip_norm=100.0, make=small_flow_alone, name='glow')
    initialize(model, IMAGES[:32], seed=1)
    assert max(metrics['gradient_norm'] for metrics in take_steps(strategy, step, 0, 3)) > 100
    for root in (model, optimizer, step):
        for path, variable in named_variables(root):
            first, second = strategy.experimental_local_results(as_tensorflow(variable))
            np.testing.assert_array_equal(second, first, err_msg=str(path))


def test_a_non_finite_gradient_is_skipped_and_counted():
    strategy = make_strategy('one_device')
    model, optimizer, step = make_run(strategy)
    initialize(model, IMAGES[:32], seed=1)
    take_steps(strategy, step, 0, 2)
    bias = next(
        variable for path, variable in named_variables(model.flow) if path[-1] == 'layers.0.bias'
    )
    good = tf.identity(bias)
    bias.assign(tf.fill(bias.shape, np.float32('nan')))
    before = weights(model), [tf.identity(moment) for moment in optimizer.first_moments]
    metrics = take_steps(strategy, step, 2, 4)[-1]
    assert (
        metrics['skipped'],
        metrics['skipped_in_a_row'],
        int(step.step),
        int(optimizer.updates),
    ) == (2, 2, 4, 2)
    after = weights(model)
    for path, value in before[0].items():
        if 'running' not in path[-1]:
            np.testing.assert_array_equal(after[path], value, err_msg=str(path))
    for old, new in zip(before[1], optimizer.first_moments):
        np.testing.assert_array_equal(old, new)
    message = first_bad_layer(model, IMAGES[:BATCH], step.noise(3))
    assert 'layers.0.bias' in message and 'not finite' in message
    bias.assign(good)
    assert take_steps(strategy, step, 4, 5)[-1]['skipped_in_a_row'] == 0
    # Not forgotten until the run looks at it.
    assert step.longest_skip == 2


def test_the_first_non_finite_layer_is_named():
    model = small_wolf(images=IMAGES[:32])
    scale = model.flow.layers[0].weights['layers.4.log_scale']
    scale.assign(tf.fill(scale.shape, 200.0))
    step = make_run(make_strategy('one_device'))[2]
    assert 'layer flow/0/0/4' in first_bad_layer(model, IMAGES[:BATCH], step.noise(0))


def test_strategy_and_batch_size_are_checked():
    with pytest.raises(ValueError, match='one_device, mirrored'):
        make_strategy('two_devices')
    assert check_batch_size(make_strategy('mirrored'), 8) == 4
    for batch_size in (1, 7):
        with pytest.raises(ValueError, match='multiple of the 2 replicas'):
            check_batch_size(make_strategy('mirrored'), batch_size)
