"""Gradients in parts, and with less memory, equal those of the whole batch."""

import pytest
import tensorflow as tf

from support.small_models import small_flow_alone
from support.training_steps import (
    IMAGES,
    assert_equal_trainings,
    make_run,
    take_steps,
    weights,
)
from tfwolf.models.initialization import initialize
from tfwolf.training.objective import Objective
from tfwolf.training.strategy import make_strategy


@pytest.mark.parametrize(
    'objective, model',
    [
        pytest.param(Objective(), {}, marks=pytest.mark.slow),
        pytest.param(
            Objective(kl_warmup_steps=4, free_nats_per_dim=0.3), {}, marks=pytest.mark.slow
        ),
        (Objective(), {'make': small_flow_alone, 'name': 'glow'}),
    ],
    ids=['bound', 'helped', 'glow'],
)
def test_accumulated_parts_equal_the_whole_batch(objective, model):
    """Also with batch norm in the encoder, because only the flow is split into parts."""
    results = []
    for parts in (1, 4):
        strategy = make_strategy('one_device')
        wolf, _, step = make_run(
            strategy, tf.float64, objective, clip_norm=100.0, accumulation_steps=parts, **model
        )
        initialize(wolf, IMAGES[:32], seed=1)
        results.append((take_steps(strategy, step, 0, 4), weights(wolf)))
    whole, in_parts = results
    assert_equal_trainings(in_parts, whole)


@pytest.mark.parametrize(
    'memory, model',
    [
        ('reversible', {'make': small_flow_alone, 'name': 'glow'}),
        pytest.param(
            'recompute', {'make': small_flow_alone, 'name': 'glow'}, marks=pytest.mark.slow
        ),
        pytest.param('recompute', {}, marks=pytest.mark.slow),
        pytest.param('reversible', {}, marks=pytest.mark.slow),
    ],
    ids=['glow-reversible', 'glow-recompute', 'wolf-recompute', 'wolf-reversible'],
)
def test_memory_saving_gradients_equal_stored_ones(memory, model):
    """Over several steps, also in parts, with batch norm in the encoder."""
    results = []
    for arguments in ({}, {'gradient_memory': memory, 'accumulation_steps': 2}):
        strategy = make_strategy('one_device')
        wolf, _, step = make_run(strategy, tf.float64, clip_norm=100.0, **arguments, **model)
        initialize(wolf, IMAGES[:32], seed=1)
        results.append((take_steps(strategy, step, 0, 4), weights(wolf)))
    stored, found = results
    assert_equal_trainings(found, stored)


def test_invalid_gradient_memory_is_rejected():
    strategy = make_strategy('one_device')
    with pytest.raises(
        ValueError, match="one of store, recompute, reversible; got gradient_memory='half'"
    ):
        make_run(strategy, gradient_memory='half')
    with pytest.raises(ValueError, match="must be 'store' for a flow with batch norm"):
        make_run(strategy, gradient_memory='reversible', make=small_flow_alone, name='realnvp')


def test_invalid_accumulation_is_rejected():
    strategy = make_strategy('one_device')
    with pytest.raises(ValueError, match='divide the 8 images'):
        make_run(strategy, accumulation_steps=3)
    with pytest.raises(ValueError, match='batch norm'):
        make_run(strategy, accumulation_steps=2, make=small_flow_alone, name='realnvp')
