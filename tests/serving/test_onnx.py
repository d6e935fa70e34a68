"""ONNX files compute what the model computes, with onnxruntime and without TensorFlow."""

import functools
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from support.bijector_checks import move_weights
from support.documentation import PAGES, blocks
from support.small_models import (
    SHAPE,
    dequantizing_wolf,
    random_images,
    small_class_model,
    small_flow_alone,
    small_wolf,
)
from support.tool_runs import run_tool
from tfwolf.bijectors.transforms import BoundedAffine
from tfwolf.core.freeze import freeze
from tfwolf.flows.jet import Jet
from tfwolf.flows.macow import MaCow
from tfwolf.models.initialization import initialize
from tfwolf.models.no_latent import NoLatent
from tfwolf.models.wolf import Wolf
from tfwolf.serving.arguments import finite
from tfwolf.serving.onnx_files import check_onnx, write_onnx
from tfwolf.serving.onnx_functions import onnx_examples, onnx_functions
from tfwolf.serving.signature import Signature

pytest.importorskip('tf2onnx', reason='tf2onnx is not installed: pip install "tfwolf[onnx]"')

IMAGES = random_images(24)


def alone(flow):
    return Wolf(SHAPE, 8, flow=flow, latent=NoLatent)


def initialized(model):
    initialize(model, IMAGES, seed=0)
    move_weights(model, 0.03)
    return model


def exported(model, folder):
    """Write the files of a model, and return what it computes itself."""
    examples = onnx_examples(model, (1, 3))
    freeze(model)
    write_onnx(onnx_functions(model), str(folder))
    return examples


SLOW = pytest.mark.slow
MODELS = {
    'wolf': lambda: initialized(small_wolf()),
    'classes': small_class_model,
    'glow': lambda: initialized(small_flow_alone('glow')),
    'real nvp': lambda: initialized(small_flow_alone('lagged realnvp')),
    'dequantizer': lambda: dequantizing_wolf(images=IMAGES),
    'macow': lambda: initialized(
        alone(
            functools.partial(
                MaCow, num_steps=[1, 1], hidden_channels=[4, 4], transform=BoundedAffine(1.0)
            )
        )
    ),
    'jet': lambda: initialized(
        alone(functools.partial(Jet, num_couplings=4, hidden_channels=8, patch_size=2))
    ),
}


@pytest.mark.parametrize(
    'kind', [kind if kind == 'glow' else pytest.param(kind, marks=SLOW) for kind in MODELS]
)
def test_every_output_agrees_for_every_kind_of_model(kind, tmp_path):
    examples = exported(MODELS[kind](), tmp_path)
    found = check_onnx(str(tmp_path), examples)
    outputs = {(difference.signature, difference.output) for difference in found}
    assert {('sample', 'images'), ('encode', 'v'), ('bits_per_dim', 'bits_per_dim')} <= outputs
    assert max(difference.value for difference in found) < 1e-5
    manifest = json.loads((tmp_path / 'manifest.json').read_text())['functions']
    for example in examples:
        described = manifest[example.name]
        assert [entry['name'] for entry in described['inputs']] == list(example.inputs)
        assert {entry['name'] for entry in described['outputs']} == set(example.outputs)
    # A wrong number is found.
    first, name = examples[0], examples[0].name
    wrong = {
        field: {key: value + np.float32(1e-3) for key, value in getattr(first, field).items()}
        for field in ('outputs', 'exact')
    }
    with pytest.raises(RuntimeError, match=f'differs from the checkpoint.*\n{name}.v'):
        check_onnx(str(tmp_path), [first._replace(**wrong)])
    (tmp_path / f'{name}.onnx').write_bytes(b'no model')
    with pytest.raises(RuntimeError, match=f'{name}.onnx cannot be loaded'):
        check_onnx(str(tmp_path), examples)


def test_noise_of_the_bound_is_that_of_the_dequantizer():
    assert 'uniform' in noise_meaning(small_wolf())
    assert 'standard normal' in noise_meaning(dequantizing_wolf())


def test_log1p_is_exact_for_small_arguments(tmp_path):
    values = [-0.999, -0.5, -1e-4, -1e-9, 0, 1e-38, 1e-9, 3e-8, 1e-4, 0.7, 1e6]
    x = np.array(values, np.float32)[:, np.newaxis]
    function = Signature(
        lambda x: {'y': tf.math.log1p(x)}, {'x': finite(('batch', 1), 'x')}, {}, 'log(1 + x)'
    )
    write_onnx({'log1p': function}, str(tmp_path))
    import onnxruntime

    (found,) = onnxruntime.InferenceSession(tmp_path / 'log1p.onnx').run(None, {'x': x})
    np.testing.assert_allclose(np.asarray(found), np.log1p(x), rtol=1e-6)


def noise_meaning(model):
    return onnx_functions(model)['bits_per_dim'].arguments['noise_x'].meaning


def test_an_operation_that_onnx_does_not_have_is_named(tmp_path):
    functions = onnx_functions(initialized(small_wolf()))
    decode = functions['decode']._replace(
        compute=lambda v, z: {'images': tf.math.bessel_i0(v), 'finite': v[:, 0, 0, 0] > 0}
    )
    with pytest.raises(ValueError, match='decode cannot be written as ONNX.*BesselI0') as error:
        write_onnx({'decode': decode}, str(tmp_path))
    assert '--format=saved_model' in str(error.value)


@pytest.mark.slow
def test_the_command_writes_verified_files_that_run_without_tensorflow(tmp_path):
    out = tmp_path / 'exported' / 'onnx'
    printed, _ = run_tool('export', '--pretrained=digits', '--format=onnx', f'--export_dir={out}')
    assert 'Verified with onnxruntime: 16 outputs of 4 functions agree' in printed
    assert {path.name for path in out.iterdir()} == {
        'manifest.json',
        *(f'{name}.onnx' for name in ('encode', 'decode', 'sample', 'bits_per_dim')),
    }
    images = (17 * np.random.default_rng(0).integers(0, 16, [5, 8, 8, 1])).astype(np.uint8)
    np.save(tmp_path / 'images.npy', images)
    (documented,) = blocks(PAGES / 'serving.md', 'py')
    code = documented.text + (
        'import sys\n'
        'same, _ = decode.run(["images", "finite"], {"v": v, "z": z})\n'
        'assert (same == np.load("images.npy")).all() and finite.all()\n'
        'assert images.shape == same.shape\n'
        'assert "tensorflow" not in sys.modules and "tfwolf" not in sys.modules\n'
    )
    subprocess.run(
        [sys.executable, '-c', code],
        cwd=tmp_path,
        check=True,
        timeout=300,
        env={key: value for key, value in os.environ.items() if key != 'PYTHONPATH'},
    )
