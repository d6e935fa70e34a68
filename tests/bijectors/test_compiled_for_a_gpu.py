"""Compiled layers as a GPU gets them, compiled for one that is not there."""

import functools
import re

import pytest
import tensorflow as tf
from tensorflow.compiler.tf2xla.python import xla

from support.gpu_compiler import GpuCompiler
from support.small_models import SHAPE, small_wolf
from support.training_steps import BATCH, make_run
from tfwolf.core import compilation
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.nets import activated_products, pixel_rows, product_modules
from tfwolf.nets.coupling_nets import ConvCouplingNet
from tfwolf.training.strategy import make_strategy

pytestmark = pytest.mark.slow


# Wide enough for convolutions as products.
wolf_in_bfloat16 = functools.partial(
    small_wolf,
    hidden_channels=[32, 64, 64],
    flow=functools.partial(
        RefinedGlow, net=functools.partial(ConvCouplingNet, compute_dtype='bfloat16')
    ),
)


@pytest.fixture(scope='module')
def gpu(tmp_path_factory):
    return GpuCompiler(tmp_path_factory.mktemp('gpu'))


@pytest.fixture
def layers(monkeypatch):
    """Returns the compiled layers of a training step as (function of tensors, specs), made as for a
    GPU.
    """
    for module in (activated_products, pixel_rows):
        monkeypatch.setattr(module, 'compiles_for_gpu', compilation.layers_are_compiled)
    called = {}

    def note(self, function, arguments):
        specs = compilation.specs_of(arguments)
        # The encoder is not a layer.
        if hasattr(function, 'python_function'):
            called[id(function), str(specs)] = function.python_function, specs

    monkeypatch.setattr(compilation.Compilation, 'called', note)
    wolf, _, step = make_run(make_strategy('one_device'), make=wolf_in_bfloat16, xla=True)
    wolf.initialized.assign(True)
    step.__call__.get_concrete_function(tf.zeros([BATCH, *SHAPE], tf.uint8))
    return [of_tensors(*call) for call in called.values()]


def of_tensors(function, specs):
    """Return a function of the tensors among the arguments alone, and their specs."""
    flat = tf.nest.flatten(specs)

    def run(*tensors):
        remaining = iter(tensors)
        values = [next(remaining) if isinstance(value, tf.TensorSpec) else value for value in flat]
        with compilation.compile_layers(True):
            results = function(*tf.nest.pack_sequence_as(specs, values))
        return [result for result in tf.nest.flatten(results) if result is not None]

    return run, [value for value in flat if isinstance(value, tf.TensorSpec)]


def entry(text):
    """Return the lines of a module's entry computation: one for each kernel."""
    return re.search(r'^ENTRY .*?^}', text, re.MULTILINE | re.DOTALL).group().splitlines()


def test_layers_compile_and_each_product_with_elu_is_one_kernel(gpu, layers, monkeypatch):
    modules = []
    plain_call = xla.call_module

    def call(*arguments, **named):
        modules.append(named['module'])
        return plain_call(*arguments, **named)

    monkeypatch.setattr(xla, 'call_module', call)
    fused = 0
    for function, specs in layers:
        modules.clear()
        text, errors = gpu.compile(function, specs)
        assert text, errors
        kernels = [line for line in entry(text) if 'kind=kCustom' in line]
        assert len(kernels) == len(modules) and all('triton' in line for line in kernels)
        # Windows are written in the order in which products read them.
        assert not [line for line in entry(text) if re.match(r'\s*%\S*transpose.*GatherV2', line)]
        fused += len(kernels)
    # Two for each of four couplings of a step, in both directions.
    assert fused >= 2 * 2 * 4


def test_equal_modules_are_why_each_has_a_number(gpu, layers, monkeypatch):
    """XLA joins the computations of equal fusions and then refuses them. Once this fails, modules
    need no number.
    """
    plain = product_modules.elu
    monkeypatch.setattr(product_modules, 'elu', lambda *shapes, number: plain(*shapes))
    errors = [gpu.compile(*layer)[1] for layer in layers]
    assert any('computation-deduplicator' in error for error in errors)
