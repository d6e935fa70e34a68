"""Every shipped gin file builds its model, with the number of parameters of the paper's model."""

import pathlib

import pytest
import tensorflow as tf

from tfwolf.core.variables import count_parameters
from tfwolf.runs.config_text import bindings
from tfwolf.runs.configuration import read_configuration

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARAMETERS = {
    'digits': 435_836,
    'cifar10': 51_860_457,
    'cifar10_small': 1_630_768,
    'cifar10_modern_small': 1_630_768,
    'cifar10_exp_scale_small': 1_630_768,
    'cifar10_superresolution_small': 3_142_192,
    'cifar10_colorization_small': 2_136_496,
    'glow_refined_cifar10': 46_521_601,
    'glow_cifar10': 44_050_092,
    'glow_cifar10_small': 1_596_300,
    'glow_refined_cifar10_small': 1_005_912,
    'realnvp_cifar10': 19_586_623,
    'realnvp_cifar10_small': 1_479_701,
    'cifar10_dequant_small': 1_990_877,
    'macow_cifar10': 47_303_625,
    'jet_cifar10': 51_684_864,
    'jet_cifar10_small': 1_655_856,
    'jet_wolf_cifar10_small': 1_616_440,
    'jet_wolf_z_in_base_small': 1_940_920,
    'cifar10_z_near_prior_small': 1_551_728,
    'cifar10_z_in_base_small': 1_842_928,
    'toy_checkerboard': 137_284,
    'toy_moons': 137_284,
    'toy_rings': 137_284,
}
# Large models, and architectures that are tested above already.
SLOW_PARAMETERS = {
    'cifar10_class_conditional': 50_494_081,
    'imagenet64': 107_418_435,
    'glow_ablation_conv1x1_additive': 37_855_596,
    'cifar10_dequant': 54_835_291,
    'macow_wolf_cifar10_small': 3_322_047,
    'jet_wolf_cifar10': 53_683_240,
    'cifar10_z_in_base': 48_386_857,
    'cifar10_z_near_image_small': 1_522_608,
    'lcma_realnvp_cifar10_small': 1_479_701,
    'glow_ablation_reverse_affine': 43_953_324,
    'glow_cifar10_class_conditional': 37_857_046,
    'realnvp_imagenet32': 45_766_449,
    'glow_imagenet32': 66_073_452,
    'glow_refined_imagenet64': 91_288_387,
    'glow_refined_lsun128': 69_922_475,
    'glow_refined_celebahq256': 70_714_159,
    'lsun128_5bit': 87_569_447,
    'lsun128': 102_092_843,
    'celebahq256_5bit': 84_297_883,
    'celebahq256': 100_610_735,
    'celebahq256_dequant': 76_888_469,
    'cifar10_modern': 51_860_457,
    'jet_imagenet64': 207_177_216,
    'jet_wolf_z_near_prior_small': 1_579_000,
    'jet_wolf_z_near_image_small': 1_579_000,
    'glow_refined_cifar10_dequant': 49_496_435,
    'macow_wolf_cifar10': 54_156_721,
    'macow_cifar10_class_conditional': 52_790_345,
    'macow_cifar10_dequant': 51_046_555,
    'macow_celebahq256': 150_854_989,
    'macow_wolf_celebahq256': 210_358_477,
    'macow_celebahq256_dequant': 160_163_603,
    'glow_ablation_conv1x1_affine': 44_050_092,
    'glow_ablation_reverse_additive': 37_758_828,
    'glow_ablation_shuffle_additive': 37_758_828,
    'glow_ablation_shuffle_affine': 43_953_324,
    'glow_celebahq256': 168_774_108,
    'glow_celebahq256_4levels': 60_778_620,
    'glow_imagenet32_class_conditional': 56_926_708,
    'glow_imagenet64': 111_071_868,
    'glow_lsun64_bedroom_5bit': 91_160_988,
    'glow_lsun96_bedroom_5bit': 197_506_524,
    'glow_lsun128_bedroom_5bit': 197_506_524,
    'glow_refined_lsun128_5bit': 55_399_079,
    'glow_refined_celebahq256_5bit': 54_401_307,
    'glow_lsun64_bedroom': 66_073_452,
    'glow_lsun64_church': 66_073_452,
    'glow_lsun64_tower': 66_073_452,
    'lcma_ablation_glow_conventional': 44_050_092,
    'lcma_ablation_glow_high': 44_050_092,
    'lcma_ablation_glow_low': 44_050_092,
    'lcma_ablation_glow_random': 44_050_092,
    'lcma_ablation_realnvp_conventional': 19_586_623,
    'lcma_ablation_realnvp_high': 19_586_623,
    'lcma_ablation_realnvp_high_small': 1_479_701,
    'lcma_ablation_realnvp_low': 19_586_623,
    'lcma_ablation_realnvp_random': 19_586_623,
    'lcma_ablation_realnvp_random_small': 1_479_701,
    'lcma_ablation_wolf_conventional': 51_860_457,
    'lcma_ablation_wolf_high': 51_860_457,
    'lcma_ablation_wolf_low': 51_860_457,
    'lcma_ablation_wolf_random': 51_860_457,
    'lcma_ablation_celeba64_high': 94_409_161,
    'lcma_ablation_celeba64_random': 94_409_161,
    'lcma_glow_cifar10': 44_050_092,
    'lcma_realnvp_celeba64': 94_409_161,
    'lcma_realnvp_cifar10': 19_586_623,
    'lcma_realnvp_imagenet32': 45_766_449,
    'lcma_realnvp_imagenet64': 94_409_161,
    'lcma_wolf_cifar10': 51_860_457,
    'realnvp_celeba64': 94_409_161,
    'realnvp_imagenet64': 94_409_161,
    'realnvp_lsun64_bedroom': 94_409_161,
    'realnvp_lsun64_church': 94_409_161,
    'realnvp_lsun64_tower': 94_409_161,
}


def test_every_gin_file_is_listed():
    assert {path.stem for path in (ROOT / 'gin').glob('*.gin')} == set(PARAMETERS | SLOW_PARAMETERS)


@pytest.mark.parametrize(
    'name', [*PARAMETERS, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW_PARAMETERS)]
)
def test_parameters_are_exact(name):
    path = ROOT / 'gin' / f'{name}.gin'
    configuration = read_configuration([path])
    experiment, settings = configuration.experiment(), configuration.settings()
    model = experiment.make_model(experiment.find_image_shape(), seed=0)
    assert count_parameters(model) == (PARAMETERS | SLOW_PARAMETERS)[name]
    assert settings.batch_size >= 40 and settings.optimizer is not None
    assert f'--gin_file=gin/{name}.gin' in path.read_text()
    del model
    tf.keras.backend.clear_session()


@pytest.mark.parametrize(
    'params, message',
    [
        (['Wolf.num_bitz = 8'], 'num_bitz'),
        (['Nope.x = 1'], 'Nope'),
        (['train.batch_size ='], 'cannot be read'),
        (['train.unknown = 3'], 'unknown'),
    ],
)
def test_unknown_names_are_errors(params, message):
    with pytest.raises(ValueError, match=message):
        read_configuration(['digits'], params)


def test_bindings_are_read_back():
    config = '# seed = 3\n# Parameters:\n# ====\na.b = 1\nc/d.e = \\\n    [1,\n     2]\n'
    assert bindings(config) == {'seed': '3', 'a.b': '1', 'c/d.e': ' [1, 2]'}


@pytest.mark.parametrize(
    'params, message',
    [
        (['train.batch_size = 0'], 'batch_size'),
        (['train.log_every = 0'], 'log_every'),
        (['Wolf.num_bits = 9'], 'num_bits'),
        (['experiment.image_shape = (8, 8, 3)'], r'\(8, 8, 3\).*digits.*\(8, 8, 1\)'),
        (['RefinedGlow.num_steps = [1, [3, 3], 3]'], 'squeeze'),
    ],
)
def test_invalid_values_are_reported(params, message):
    with pytest.raises(ValueError, match=message):
        configuration = read_configuration(['digits'], params)
        experiment, _ = configuration.experiment(), configuration.settings()
        experiment.make_model_for(experiment.open_dataset(), seed=0)
