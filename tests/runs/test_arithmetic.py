"""Precision tf32: the same bits on a CPU, in training steps only, and named by results."""

import functools
import json

import numpy as np
import pytest

import tfwolf
from support.small_models import small_wolf
from support.tool_runs import run_tool, train_tiny
from tfwolf.bijectors.transforms import BoundedAffine
from tfwolf.core.tensor_float_32 import tensor_float_32, tensor_float_32_is_on
from tfwolf.core.variables import named_variables
from tfwolf.flows.refined_glow import RefinedGlow
from tfwolf.models.arithmetic import arithmetic
from tfwolf.models.no_latent import NoLatent
from tfwolf.models.wolf import Wolf
from tfwolf.nets.coupling_nets import ConvCouplingNet
from tfwolf.nets.precision import check_precision
from tfwolf.training import procedure
from tfwolf.training.step import TrainStep

EVALUATED = ('--gin_param=train.test_samples = 1', '--gin_param=train.test_images = 16')


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    """Return `{precision: folder}` of equal runs, and where the switch of TF32 was on."""
    folder, switch = tmp_path_factory.mktemp('runs'), {}

    def watch(patch, owner, name):
        function = getattr(owner, name)

        @functools.wraps(function)
        def watched(*arguments, **named):
            switch[name] = tensor_float_32_is_on()
            return function(*arguments, **named)

        patch.setattr(owner, name, watched)

    train_tiny(folder / 'float32', *EVALUATED)
    with pytest.MonkeyPatch.context() as patch:
        watch(patch, TrainStep, 'compile_ahead')
        watch(patch, procedure, 'initialize')
        watch(patch, procedure, 'evaluate_likelihood')
        train_tiny(folder / 'tf32', '--precision=tf32', *EVALUATED)
    return folder, switch


def test_tf32_and_float32_are_equal_on_a_cpu(runs):
    folder, _ = runs
    one, other = (
        {path: np.asarray(value) for path, value in named_variables(tfwolf.load(run).model)}
        for run in (folder / 'float32', folder / 'tf32')
    )
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[path], other[path]) for path in one)


def test_the_switch_is_on_in_training_steps_only(runs):
    _, switch = runs
    assert switch == {'compile_ahead': True, 'initialize': False, 'evaluate_likelihood': False}
    assert not tensor_float_32_is_on()


def test_results_name_the_arithmetic(runs):
    folder, _ = runs
    for name in ('float32', 'tf32'):
        result = json.loads((folder / name / 'evaluation.json').read_text())
        assert result['arithmetic'] == name
    assert 'experiment.precision' in (folder / 'tf32' / 'config.gin').read_text()
    loaded = tfwolf.load(folder / 'tf32')
    assert loaded.arithmetic == loaded.identity['arithmetic'] == 'float32'
    quick = ('--num_samples=1', '--num_images=8', '--nodiagnostics', '--json')
    printed, _ = run_tool('evaluate', f'--train_dir={folder / "tf32"}', *quick)
    assert json.loads(printed.splitlines()[-1])['arithmetic'] == 'float32'


def test_summary_names_the_arithmetic():
    for precision in ('tf32', 'bfloat16'):
        description, _ = run_tool('summary', 'digits', f'--precision={precision}', '--json')
        assert json.loads(description)['arithmetic'] == precision
    assert 'networks in float32' in run_tool('summary', 'digits')[0]


def test_the_least_exact_network_counts():
    model = small_wolf()
    assert arithmetic(model) == 'float32' and arithmetic(model, tf32=True) == 'tf32'
    with tensor_float_32(True):
        assert arithmetic(model) == 'tf32'
    with tensor_float_32(False):
        assert arithmetic(model) == 'float32'
    flow = functools.partial(
        RefinedGlow,
        num_steps=[0, [2], 1],
        hidden_channels=[4, 8, 8],
        transform=BoundedAffine(1.0),
        net=functools.partial(ConvCouplingNet, compute_dtype='bfloat16'),
    )
    model = Wolf((8, 8, 1), 8, flow=flow, latent=NoLatent)
    assert arithmetic(model, tf32=True) == 'bfloat16'


def test_precisions_are_checked():
    for precision in (None, 'full', 'tf32', 'float32', 'bfloat16'):
        check_precision(precision)
    with pytest.raises(ValueError, match="'full', 'tf32' or one of .*; got precision='tf16'"):
        check_precision('tf16')


def test_inverses_in_training_steps_must_be_exact(tmp_path):
    reversible = '--gin_param=train.gradient_memory = "reversible"'
    flags = (f'--train_dir={tmp_path}/run', '--precision=tf32', reversible)
    _, errors = run_tool('train', 'digits', *flags, fails=True)
    assert "must be 'store' or 'recompute' with precision 'tf32'" in errors
