"""Training steps of a model with a condition: gradients in parts, and with less memory."""

import functools

import numpy as np
import pytest
import tensorflow as tf

import tfwolf
from support.small_models import small_wolf
from support.training_steps import (
    BATCH,
    IMAGES,
    assert_equal_trainings,
    make_run,
    take_steps,
    weights,
)
from tfwolf.core import seeds
from tfwolf.flows.macow import MaCow
from tfwolf.models.initialization import initialize
from tfwolf.training.diagnosis import first_bad_layer
from tfwolf.training.flow_gradients import flow_gradients, flow_variables
from tfwolf.training.objective import Objective
from tfwolf.training.strategy import make_strategy

MODELS = {
    'wolf': {'condition': tfwolf.LowResolution},
    'flow alone': {'condition': tfwolf.Grey, 'latent': None},
    'macow': {'condition': tfwolf.LowResolution, 'flow': MaCow},
}


def moved_model(**arguments):
    """Return a model in float64 whose weights, image kernels among them, are moved."""
    model = small_wolf(tf.float64, images=IMAGES[:32], **arguments)
    random = np.random.default_rng(0)
    for variable in flow_variables(model):
        variable.assign_add(0.05 * random.standard_normal(variable.shape))
    return model


WAYS = ('store', 2), ('recompute', 1), ('reversible', 2)


@pytest.mark.parametrize(
    'name, ways',
    [('wolf', WAYS[2:]), *(pytest.param(name, WAYS, marks=pytest.mark.slow) for name in MODELS)],
)
def test_all_ways_to_compute_gradients_agree(name, ways):
    model = moved_model(**MODELS[name])
    images = tf.constant(IMAGES[:BATCH])
    noise = model.draw_noise(BATCH, seeds.tensor_seed(0, 'test'))
    inference = model.infer(images, noise)

    def gradients(memory, num_parts):
        compute = functools.partial(
            flow_gradients,
            model,
            Objective(),
            BATCH,
            inference,
            images,
            noise,
            num_parts,
            memory,
        )
        sums, of_weights, upstream = tf.function(compute, autograph=False)()
        return [sums['flow_loss'], *of_weights, *upstream]

    expected = gradients('store', 1)
    # The loss, one for each weight, and one of z; none of the condition.
    assert len(expected) == 1 + len(flow_variables(model)) + model.latent.has_z
    kernels = [
        gradient
        for variable, gradient in zip(flow_variables(model), expected[1:])
        if 'image_kernel' in variable.name
    ]
    assert len(kernels) >= 5 and all(np.any(gradient) for gradient in kernels)
    for memory, num_parts in ways:
        for found, wanted in zip(gradients(memory, num_parts), expected, strict=True):
            scale = max(1, np.abs(wanted).max())
            np.testing.assert_allclose(found, wanted, atol=1e-8 * scale, err_msg=memory)


@pytest.mark.slow
@pytest.mark.parametrize('memory', ['recompute', 'reversible'])
def test_steps_with_less_memory_equal_stored_ones(memory):
    results = []
    for arguments in ({}, {'gradient_memory': memory, 'accumulation_steps': 2}):
        strategy = make_strategy('one_device')
        model, _, step = make_run(strategy, tf.float64, **MODELS['wolf'], **arguments)
        initialize(model, IMAGES[:32], seed=1)
        results.append((take_steps(strategy, step, 0, 4), weights(model)))
    stored, found = results
    metrics, _ = found
    assert metrics[-1]['loss_nats'] < metrics[0]['loss_nats']
    assert_equal_trainings(found, stored)


def test_the_layer_that_fails_is_found_with_a_condition():
    model = moved_model(**MODELS['flow alone'])
    noise = model.draw_noise(4, seeds.tensor_seed(0, 'test'))
    assert 'finite now' in first_bad_layer(model, IMAGES[:4], noise)
