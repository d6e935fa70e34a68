"""On several GPUs one collective per replica sums all gradients and metrics of a step."""

import pytest
import tensorflow as tf

from support.small_models import small_flow_alone, small_wolf
from support.training_steps import BATCH, IMAGES, make_run
from tfwolf.core.variables import count_parameters, trainable_variables
from tfwolf.models.initialization import initialize
from tfwolf.training.strategy import make_strategy


@pytest.fixture
def strategy_of_gpus(monkeypatch):
    """Returns what `make_strategy` makes of two GPUs, on two logical CPUs: steps can be traced."""
    cpus = tf.config.list_logical_devices('CPU')
    with monkeypatch.context() as patched:
        patched.setattr(tf.config, 'list_logical_devices', lambda device_type=None: cpus)
        return make_strategy('mirrored')


@pytest.mark.parametrize(
    'model, num_batch_norms',
    [
        ({'make': small_flow_alone, 'name': 'glow'}, 0),
        pytest.param({'make': small_wolf}, 6, marks=pytest.mark.slow),
    ],
    ids=['glow', 'wolf'],
)
def test_one_collective_sums_all_gradients(strategy_of_gpus, model, num_batch_norms):
    wolf, _, step = make_run(strategy_of_gpus, **model)
    initialize(wolf, IMAGES[:32], seed=1)
    images = strategy_of_gpus.experimental_distribute_values_from_function(
        lambda _: tf.constant(IMAGES[: BATCH // 2])
    )
    graph = step.__call__.get_concrete_function(images).graph
    assert len(trainable_variables(wolf)) > 20
    for replica in range(2):
        sizes = [
            operation.inputs[0].shape.num_elements()
            for operation in graph.get_operations()
            if operation.type == 'CollectiveReduceV2' and operation.device.endswith(f':{replica}')
        ]
        # Batch norm sums over the replicas twice in each direction.
        assert len(sizes) == 1 + 4 * num_batch_norms
        # The last one has the gradients and about ten metrics.
        assert 0 < sizes[-1] - count_parameters(wolf) < 20
