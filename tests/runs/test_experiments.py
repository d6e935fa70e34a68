"""Every shipped gin file in a small size builds, trains one step, and inverts exactly."""

import ast
import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.core.variables import as_tensorflow, trainable_variables
from tfwolf.data.pipeline import training_batches
from tfwolf.models.initialization import initialize
from tfwolf.models.preparation import conclude_preparation, preparing_model
from tfwolf.runs.configuration import read_configuration
from tfwolf.training.run import TrainingRun
from tfwolf.training.strategy import make_strategy

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = sorted(path.stem for path in (ROOT / 'gin').glob('*.gin'))
# One of each kind; the others differ from them in data, sizes and schedules.
FAST = re.compile(
    'digits|toy_.*|cifar10_.*small|jet_.*small|cifar10|cifar10_class_conditional|realnvp_celeba64'
    '|glow_cifar10_class_conditional|glow_ablation_(reverse_additive|shuffle_affine)'
    '|glow_refined_cifar10_dequant|macow_cifar10|macow_wolf_cifar10_small'
    '|lcma_(glow|realnvp|wolf)_cifar10|lcma_ablation_glow_random'
)
SMALL = [
    'experiment.image_shape = (8, 8, 3)',
    "dataset.source = 'synthetic'",
    'dataset.image_size = (8, 8)',
    'dataset.num_examples = 48',
    'dataset.validation_size = 8',
    'dataset.test_size = 8',
    'dataset.resize = None',
    'dataset.crop_size = None',
    'dataset.shorter_side = None',
    'RefinedGlow.num_steps = [0, [1, 1], 1]',
    'RefinedGlow.hidden_channels = [4, 8, 8]',
    'RefinedGlow.conditioned_levels = None',
    'Jet.num_couplings = 5',
    'Jet.hidden_channels = 8',
    'Jet.patch_size = 2',
    'Jet.conditioned = (1, 4)',
    'VisionTransformer.num_heads = 2',
    'MaCow.num_steps = [0, [1], 1]',
    'MaCow.hidden_channels = [4, 8, 8]',
    'dequantizer/RefinedGlow.num_steps = [1, 1]',
    'dequantizer/RefinedGlow.hidden_channels = [4, 8]',
    'dequantizer/MaCow.num_steps = [1, 1]',
    'dequantizer/MaCow.hidden_channels = [4, 8]',
    'FeatureEncoder.widths = [4]',
    'Encoder.widths = [4]',
    'Encoder.out_channels = 4',
    'FlowPrior.num_steps = 1',
    'FlowPrior.hidden_features = 8',
    'GaussianLatent.latent_dim = 4',
    'LabelCondition.num_classes = 10',
    'Glow.num_levels = 2',
    'Glow.num_steps = 1',
    'Glow.hidden_channels = 8',
    'RealNVP.num_scales = 2',
    'RealNVP.hidden_channels = 4',
    'ResidualCouplingNet.num_blocks = 1',
    'lcma.phase1_steps = 1',
    'train.batch_size = 16',
]
# Of vectors, whose data are small and need no download.
SMALL_TOY = [
    'dataset.num_examples = 48',
    'dataset.validation_size = 8',
    'dataset.test_size = 8',
    'VectorRealNVP.num_steps = 1',
    'VectorRealNVP.hidden_channels = 8',
    'train.batch_size = 16',
]
# Modules of particular flows, which only builders, gin names and MAY_KNOW may import.
SYSTEM_PARTS = {
    'refined_glow',
    'jet',
    'dimension_splits',
    'reordered',
    'vision_transformer',
    'transformer_block',
    'macow',
    'macow_step',
    'masked_conv',
    'masked_inverse',
    'glow',
    'realnvp',
    'logit',
    'batch_norm',
    'checkerboard',
    'permutation',
    'top_prior',
    'arrangement',
    'factor_out',
}
# `coding` has an integer form of every layer.
MAY_KNOW = {'tfwolf', 'tfwolf.coding', 'tfwolf.reference'}


@pytest.fixture(autouse=True)
def eager():
    """Run steps without tracing, which would take most of the time."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def take_step(model, dataset, settings, strategy):
    """Initialize the model, take one step, and return the metrics."""
    examples = dataset.train.load(tf.range(dataset.train.num_examples, dtype=tf.int64))
    initialize(model, examples['image'].numpy(), seed=0, labels=examples['label'].numpy())
    before = [tf.identity(as_tensorflow(variable)) for variable in trainable_variables(model)]
    step = TrainingRun(model, dataset, settings, strategy).make_step()
    # After the warmup, which starts at zero, and before a cosine ends there.
    step.optimizer.updates.assign(min(2000, settings.max_steps // 2))
    batch = next(iter(training_batches(dataset.train, 16, 0, augmentations=[])))
    metrics = step(batch['image'], batch['label'])
    changed = [
        np.any(old != as_tensorflow(variable))
        for old, variable in zip(before, trainable_variables(model))
    ]
    assert np.isfinite(metrics['loss_nats']) and not metrics['skipped'] and any(changed)
    return metrics


@pytest.mark.parametrize(
    'name',
    [
        name if FAST.fullmatch(name) else pytest.param(name, marks=pytest.mark.slow)
        for name in FILES
    ],
)
def test_one_step_and_one_exact_round_trip(name):
    path = ROOT / 'gin' / f'{name}.gin'
    small = SMALL_TOY if name.startswith('toy_') else SMALL
    configuration = read_configuration([path], small)
    experiment, settings = configuration.experiment(), configuration.settings()
    strategy = make_strategy('one_device')
    dataset = experiment.open_dataset()
    model = experiment.make_model_for(dataset, seed=0)
    if model.flow.preparation is not None:
        first = preparing_model(model)
        take_step(first, dataset, settings, strategy)
        conclude_preparation(model, first, dataset.train, 16, seed=0)
    metrics = take_step(model, dataset, settings, strategy)
    assert 0 < metrics[model.values.unit.name] < 20
    test = dataset.test.load(tf.range(8, dtype=tf.int64))
    code, given = model.encode(test['image'], test['label']), model.condition_of(test['image'])
    decoded = model.decode(*code, given).numpy()
    if model.values.is_continuous:
        np.testing.assert_allclose(decoded, test['image'], atol=1e-4)
    else:
        shift = 8 - model.num_bits
        np.testing.assert_array_equal(decoded >> shift, test['image'].numpy() >> shift)
    header = path.read_text().split('include')[0]
    assert (
        all(word in header for word in ('Run:', 'Paper:', 'Measured', f'--gin_file=gin/{name}.gin'))
        or name == 'digits'
    )


def test_only_builders_depend_on_the_kind_of_flow(sources):
    """Training, evaluation, models and commands do not depend on the kind of flow."""
    for source in sources:
        top = '.'.join(source.module.split('.')[:2])
        if not source.module.startswith('tfwolf.') or top in MAY_KNOW | {
            'tfwolf.bijectors',
            'tfwolf.flows',
            'tfwolf.nets',
        }:
            continue
        known = {
            name
            for name in source.imports
            if name.startswith(('tfwolf.bijectors.', 'tfwolf.flows.'))
            and name.split('.')[2] in SYSTEM_PARTS
        }
        assert not known, f'{source.path} imports {sorted(known)}'
        names = {
            node.id
            for node in ast.walk(ast.parse((ROOT / source.path).read_text()))
            if isinstance(node, ast.Name)
        }
        assert not names & {'Glow', 'RealNVP', 'RefinedGlow', 'LikelihoodContribution'}, source.path
