"""Where the operations of steps, evaluation and sampling run on a GPU, without one."""

import functools

import pytest
import tensorflow as tf
from tensorflow.core.framework.types_pb2 import DataType
from tensorflow.python.framework import kernels

from support.small_models import SHAPE, small_wolf
from support.training_steps import BATCH, make_run
from tfwolf.core import seeds
from tfwolf.core.compilation import compile_layers
from tfwolf.training.strategy import make_strategy

pytestmark = pytest.mark.skipif(
    not tf.test.is_built_with_cuda(), reason='this TensorFlow has no kernels for GPUs'
)
CALLS = {'NoOp', 'PartitionedCall', 'StatefulPartitionedCall'}


@functools.cache
def kernels_for_gpu(operation):
    return [
        kernel
        for kernel in kernels.get_registered_kernels_for_op(operation).kernel
        if kernel.device_type in ('GPU', 'DEFAULT')
    ]


def allows(kernel, node):
    """Whether a kernel accepts the types of a node."""
    for constraint in kernel.constraint:
        value = node.attr[constraint.name]
        types = [value.type] if value.type else value.list.type
        if any(each not in constraint.allowed_values.list.type for each in types):
            return False
    return True


def without_kernel(nodes):
    """The operations that would run on the CPU, with the types of their attributes."""
    return sorted(
        {
            (node.op, *(DataType.Name(value.type) for value in node.attr.values() if value.type))
            for node in nodes
            if node.op not in CALLS
            and not any(allows(kernel, node) for kernel in kernels_for_gpu(node.op))
        }
    )


def assert_all_have_kernels(graph):
    """Otherwise tensors are copied to the host in each call, and the GPU waits."""
    definition = graph.as_graph_def()
    # XLA compiles the others.
    functions = [
        function
        for function in definition.library.function
        if not function.attr['_XlaMustCompile'].b
    ]
    nodes = [*definition.node, *(node for function in functions for node in function.node_def)]
    assert len(nodes) > 50
    assert not without_kernel(nodes)


@pytest.mark.parametrize('settings', [{}, {'accumulation_steps': 2, 'clip_norm': 1.0}])
@pytest.mark.parametrize('xla', [True, False])
def test_every_operation_of_a_step_has_a_kernel_for_gpus(settings, xla):
    wolf, _, step = make_run(make_strategy('one_device'), xla=xla, **settings)
    wolf.initialized.assign(True)
    images = tf.zeros([BATCH, *SHAPE], tf.uint8)
    assert_all_have_kernels(step.__call__.get_concrete_function(images).graph)


@pytest.mark.parametrize('compiled', [True, False])
@pytest.mark.parametrize(
    'use',
    [
        lambda wolf, images: wolf.terms(images, wolf.draw_noise(BATCH, seeds.tensor_seed(0))),
        lambda wolf, images: wolf.encode(images),
        lambda wolf, images: wolf.sample(BATCH, seed=0),
        lambda wolf, images: wolf.reconstruct(images),
    ],
    ids=['evaluate', 'encode', 'sample', 'reconstruct'],
)
def test_every_operation_of_a_use_has_a_kernel_for_gpus(use, compiled):
    wolf = small_wolf()
    wolf.initialized.assign(True)
    function = tf.function(lambda images: use(wolf, images), autograph=False)
    with compile_layers(compiled):
        images = tf.TensorSpec([BATCH, *SHAPE], tf.uint8)
        assert_all_have_kernels(function.get_concrete_function(images).graph)
