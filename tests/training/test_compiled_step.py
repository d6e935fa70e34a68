"""Training steps compiled by XLA."""

import numpy as np
import pytest
import tensorflow as tf

from support.small_models import dequantizing_wolf, small_flow_alone
from support.training_steps import BATCH, IMAGES, make_run, take_steps
from tfwolf.core.variables import trainable_variables
from tfwolf.models.initialization import initialize
from tfwolf.training.strategy import make_strategy


@pytest.mark.parametrize(
    'arguments',
    [
        {'make': small_flow_alone, 'name': 'glow'},
        *(
            pytest.param(arguments, marks=pytest.mark.slow)
            for arguments in (
                {'gradient_memory': 'reversible', 'accumulation_steps': 2},
                {'gradient_memory': 'recompute'},
                {'gradient_memory': 'store'},
                {'make': small_flow_alone, 'name': 'shallow realnvp'},
                {'make': dequantizing_wolf},
            )
        ),
    ],
)
def test_a_step_compiled_by_xla_is_equal(arguments):
    losses = []
    for xla in (False, True):
        strategy = make_strategy('one_device')
        wolf, _, step = make_run(strategy, xla=xla, **arguments)
        initialize(wolf, IMAGES[:32], seed=1)
        losses.append([metrics['loss_nats'] for metrics in take_steps(strategy, step, 0, 2)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


@pytest.mark.parametrize(
    'gradient_memory', [pytest.param('store', marks=pytest.mark.slow), 'reversible']
)
def test_the_whole_step_lowers_to_stablehlo(gradient_memory):
    """The whole step is one program, whose arguments and results include weights and moments."""
    wolf, optimizer, step = make_run(make_strategy('one_device'), gradient_memory=gradient_memory)
    wolf.initialized.assign(True)
    whole = tf.function(step.__call__.python_function, jit_compile=True, autograph=False)
    text = whole.experimental_get_compiler_ir(
        tf.zeros([BATCH, 8, 8, 3], tf.uint8), tf.zeros([BATCH], tf.int64)
    )(stage='stablehlo')
    assert 'stablehlo.convolution' in text and 'stablehlo.while' in text
    moments = optimizer.first_moments + optimizer.second_moments
    assert text.count('output_index') >= len(trainable_variables(wolf)) + len(moments) + 1, (
        'a weight, a moment or the step does not come back'
    )


@pytest.mark.slow
def test_replicas_compile_the_flow():
    losses = []
    for name, xla in (('one_device', False), ('mirrored', True)):
        strategy = make_strategy(name)
        wolf, _, step = make_run(strategy, xla=xla)
        initialize(wolf, IMAGES[:32], seed=1)
        losses.append([metrics['loss_nats'] for metrics in take_steps(strategy, step, 0, 2)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


def test_replicas_with_batch_norm_reject_xla():
    strategy = make_strategy('mirrored')
    with pytest.raises(ValueError, match='`xla`'):
        make_run(strategy, xla=True, make=small_flow_alone, name='realnvp')
