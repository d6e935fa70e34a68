"""For every configuration of the reference, each weight of ours has exactly one reference name."""

import json
import pathlib
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.core import seeds
from tfwolf.core.variables import as_tensorflow, count_parameters, named_variables
from tfwolf.reference.configuration import gin_bindings
from tfwolf.reference.configuration import read_configuration as read_reference
from tfwolf.reference.layout import slots
from tfwolf.reference.weights import copy_weights, load_weights, read_weights
from tfwolf.runs.configuration import read_configuration

TINY = json.loads((pathlib.Path(__file__).parents[1] / 'golden' / 'wolf_tiny.json').read_text())[
    'config'
]
CLASSES = {'type': 'categorical', 'num_events': 7, 'dim': 16, 'activation': 'elu'}
TWO_LEVELS = {'levels': 2, 'num_steps': [2, 1], 'factors': [], 'hidden_channels': [4, 8]}
ONE_GROUP = {'num_steps': [1, [3], 1], 'factors': [2]}
FOUR_LEVELS = {
    'levels': 4,
    'num_steps': [1, [1, 2], [1], 1],
    'factors': [4, 3],
    'hidden_channels': [4, 8, 8, 8],
    'alpha': 0.5,
}
MACOW = {'type': 'macow', 'kernel_size': [1, 5]}
DEQUANTIZER = {
    'type': 'flow',
    'encoder': {
        'type': 'local_resnet_bn',
        'levels': 2,
        'in_planes': 3,
        'hidden_planes': [4, 6],
        'out_planes': 2,
        'activation': 'elu',
    },
    'flow': {
        'type': 'glow',
        'levels': 3,
        'num_steps': [1, [2], 1],
        'factors': [2],
        'in_channels': 3,
        'hidden_channels': [4, 6, 6],
        'h_channels': 2,
        'h_type': 'local_linear',
        'activation': 'elu',
        'inverse': False,
        'transform': 'affine',
    },
}
MASKED_DEQUANTIZER = {**DEQUANTIZER, 'flow': {**DEQUANTIZER['flow'], 'type': 'macow'}}
MIXED = {'transform': 'additive', 'prior_transform': 'affine'}


def build(flow=(), latent=None, prior=None, num_bits=8, lu=False, dequantizer=None):
    """Return the float64 model of the tiny configuration with changes."""
    configuration = json.loads(json.dumps(TINY))
    configuration['generator']['flow'].update(flow)
    if latent is not None:
        configuration['discriminator'] = latent
    if prior is not None:
        configuration['discriminator']['prior'] = prior
    if dequantizer is not None:
        configuration['dequantizer'] = dequantizer
    bindings = gin_bindings(configuration, (16, 16), num_bits, lu)[0]
    return (
        read_configuration(params=bindings)
        .experiment()
        .make_model((16, 16, 3), seed=0, dtype='float64')
    )


VARIANTS = [
    {},
    {'flow': TWO_LEVELS},
    {'flow': ONE_GROUP},
    {'flow': FOUR_LEVELS},
    {'flow': MIXED},
    {'prior': {'type': 'normal'}},
    {'latent': CLASSES},
    {'latent': {**CLASSES, 'activation': 'relu'}, 'num_bits': 5},
    {'lu': True},
    {'flow': {'h_channels': 0}, 'latent': {'type': 'base'}},
    {'flow': {**MACOW, **TWO_LEVELS}},
    {'flow': TWO_LEVELS, 'dequantizer': DEQUANTIZER},
    pytest.param(
        {'flow': {**MACOW, **ONE_GROUP}, 'dequantizer': MASKED_DEQUANTIZER, 'lu': True},
        marks=pytest.mark.slow,
    ),
]


@pytest.mark.parametrize('changes', VARIANTS)
def test_every_weight_has_one_name(changes):
    model = build(**changes)
    found = slots(model)
    assert len({slot.name for slot in found}) == len(found)
    covered = {}
    for slot in found:
        for variable in slot.weights.values():
            covered.setdefault(id(variable), []).append(slot.row)
    for path, variable in named_variables(model):
        if path == ('initialized',):
            continue
        rows = covered.pop(id(as_tensorflow(variable)))
        assert rows == [None] or sorted(rows) == list(range(variable.shape[0])), path
    assert not covered


@pytest.mark.parametrize('changes', VARIANTS)
def test_weights_are_copied_by_reference_names(changes):
    source, target = build(**changes), build(**{**changes, 'lu': False})
    random = np.random.default_rng(0)
    for slot in slots(source):
        if slot.is_trainable:
            slot.assign(
                (
                    np.eye(slot.shape[0])
                    if slot.name.endswith(('conv1x1.weight', 'linear.weight'))
                    and len(slot.shape) == 2
                    else 0
                )
                + 0.1 * random.standard_normal(slot.shape)
            )
    source.initialized.assign(True)
    copy_weights(source, target)
    images = random.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    labels = np.array([0, 3, 6])
    noise = source.draw_noise(3, seeds.tensor_seed(0, 'n'))
    ours, theirs = (
        model.terms(images, noise, labels=labels).nll_nats for model in (source, target)
    )
    assert np.isfinite(ours).all()
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    z, v = target.encode(images, labels)
    x = target.flow.inverse_and_log_det(v, z)[0]
    np.testing.assert_allclose(target.flow.forward_and_log_det(x, z)[0], v, atol=1e-9)


# Parameters of the reference, of the dequantizer's alone in brackets; see the folder of
# configurations. Other files build models of the gin files, which have a test of their own.
REFERENCE_PARAMETERS = {
    'cifar10/glow/glow-base-uni': (46_521_601, 0),
    'cifar10/glow/glow-base-var': (49_496_435, 2_974_834),
    'cifar10/glow/glow-cat-uni': (50_494_081, 0),
    'cifar10/glow/glow-gaussian-uni': (51_860_457, 0),
    'cifar10/glow/glow-gaussian-var': (54_835_291, 2_974_834),
    'cifar10/macow/macow-base-uni': (47_303_625, 0),
    'cifar10/macow/macow-base-var': (51_046_555, 3_742_930),
    'cifar10/macow/macow-cat-uni': (52_790_345, 0),
    'cifar10/macow/macow-gaussian-uni': (54_156_721, 0),
    'imagenet/64x64/glow/glow-base-uni': (91_288_387, 0),
    'imagenet/64x64/glow/glow-gaussian-uni': (107_418_435, 0),
    'lsun/128x128/glow/glow-base-uni': (69_922_475, 0),
    'lsun/128x128/glow/glow-gaussian-uni': (102_092_843, 0),
    'celebA-HQ/glow/glow-base-uni': (70_714_159, 0),
    'celebA-HQ/glow/glow-base-var': (76_888_469, 6_174_310),
    'celebA-HQ/glow/glow-gaussian-uni': (100_610_735, 0),
    'celebA-HQ/macow/macow-base-uni': (150_854_989, 0),
    'celebA-HQ/macow/macow-base-var': (160_163_603, 9_308_614),
    'celebA-HQ/macow/macow-gaussian-uni': (210_358_477, 0),
}
SIZES = {'cifar10': 32, 'imagenet': 64, 'lsun': 128, 'celebA-HQ': 256}


@pytest.mark.slow
@pytest.mark.parametrize('name', REFERENCE_PARAMETERS)
def test_every_configuration_of_the_reference_is_read(shared, name):
    """All 19; with the reference's number of parameters, each with one name."""
    size = SIZES[name.split('/')[0]]
    configuration = read_reference(shared / 'reference_configs' / f'{name}.json')
    bindings = gin_bindings(configuration, (size, size), 8)[0]
    model = read_configuration(params=bindings).experiment().make_model((size, size, 3), seed=0)
    counted = count_parameters(model), count_parameters(model.dequantizer)
    assert counted == REFERENCE_PARAMETERS[name]
    assert sum(np.prod(slot.shape) for slot in slots(model) if slot.is_trainable) == counted[0]


def test_files_without_weights_are_rejected(tmp_path):
    for name, content in (('broken.npz', b'no archive'), ('empty.npz', b'')):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=name):
            read_weights(tmp_path / name)
    np.savez(tmp_path / 'objects.npz', a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match='objects.npz'):
        read_weights(tmp_path / 'objects.npz')
    with pytest.raises(ValueError, match='missing.*\n.*unexpected|unexpected|missing'):
        load_weights(build(), {'stray': np.zeros(2)})


def test_without_torch_the_message_explains_the_conversion(monkeypatch):
    monkeypatch.setitem(sys.modules, 'torch', None)
    with pytest.raises(
        ValueError, match='(?s)model.pt needs PyTorch.*weights_only=True.*numpy.savez'
    ):
        read_weights('model.pt')


class RunsCode:
    """An object that a malicious pickle could contain."""

    def __reduce__(self):
        return pathlib.Path.touch, (RunsCode.path,)


def test_a_pt_is_read_as_tensors_and_never_run(tmp_path):
    torch = pytest.importorskip('torch', reason='PyTorch, which is optional, is not installed')
    torch.save({'a': torch.arange(3.0, dtype=torch.float64)}, tmp_path / 'model.pt')
    np.testing.assert_array_equal(read_weights(tmp_path / 'model.pt')['a'], [0.0, 1.0, 2.0])
    RunsCode.path = tmp_path / 'it_ran'
    torch.save({'a': RunsCode()}, tmp_path / 'evil.pt')
    with pytest.raises(ValueError, match='nothing in it was run'):
        read_weights(tmp_path / 'evil.pt')
    assert not RunsCode.path.exists()


def test_a_non_finite_weight_is_reported_and_nothing_changes():
    model = build()
    arrays = {slot.name: np.zeros(slot.shape) for slot in slots(model)}
    before = [np.asarray(tf.convert_to_tensor(variable)) for _, variable in named_variables(model)]
    name = slots(model)[0].name
    arrays[name][...] = np.nan
    with pytest.raises(ValueError, match=name):
        load_weights(model, arrays)
    for old, (_, variable) in zip(before, named_variables(model)):
        np.testing.assert_array_equal(old, tf.convert_to_tensor(variable))
