"""A network, an encoder, an image source and an evaluator from outside the package."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from support.tool_runs import TINY
from tfwolf.runs.configuration import read_configuration
from tfwolf.serving.c_api import Servable

ROOT = pathlib.Path(__file__).resolve().parents[2]

NETWORK = '''
import tensorflow as tf
import tfwolf

@tfwolf.register
class Pointwise(tf.Module):
    """One hidden value per pixel and channel."""

    def __init__(
        self,
        in_channels,
        hidden_channels,
        out_channels,
        condition_dim=0,
        seed=0,
        dtype=tf.float32,
    ):
        super().__init__(name='pointwise')
        shape = [in_channels + condition_dim, hidden_channels]
        self.first = tf.Variable(tf.random.stateless_normal(shape, [seed % 2**31, 1], dtype=dtype))
        self.last = tf.Variable(tf.zeros([hidden_channels, out_channels], dtype))

    def __call__(self, x, condition=None, training=False):
        if condition is not None:
            x = tf.concat([x, tf.zeros_like(x[..., :1]) + condition[:, None, None]], axis=-1)
        return tf.tanh(x @ self.first) @ self.last

    def initialize(self, x, condition=None):
        self.last.assign(tf.zeros_like(self.last))
'''

ENCODER = '''
import math

import tensorflow as tf
import tfwolf

@tfwolf.register
class LinearEncoder(tf.Module):
    """q(z|x) is one linear map of the pixels."""

    def __init__(self, image_shape, latent_dim, seed=0, dtype=tf.float32):
        super().__init__(name='linear_encoder')
        shape = [math.prod(image_shape), 2 * latent_dim]
        draw = tf.random.stateless_normal(shape, [seed % 2**31, 1], dtype=dtype)
        self.kernel = tf.Variable(0.01 * draw)

    def __call__(self, x, training=False):
        flat = tf.reshape(x, [-1, self.kernel.shape[0]])
        return tfwolf.Posterior(*tf.split(flat @ self.kernel, 2, axis=-1))

    def initialize(self, chunks):
        self.kernel.assign(0.1 * self.kernel)
'''

SOURCE = """
import numpy as np
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.dataset import ImageDataset
from tfwolf.data.registry import register_source

@register_source('stripes', location='WIDTH')
def load_stripes(location, num_images=200):
    rows = np.arange(num_images)[:, None, None, None]
    stripes = 17 * ((rows + np.arange(8)[:, None]) // int(location) % 16)
    images = np.broadcast_to(stripes, [num_images, 8, 8, 1]).astype(np.uint8)
    cuts = {'train': images[:-40], 'validation': images[-40:-20], 'test': images[-20:]}
    splits = {
        name: ArraySplit(lambda part=part: (part, None), len(part), (8, 8, 1))
        for name, part in cuts.items()
    }
    return ImageDataset('stripes', (8, 8, 1), None, **splits)
"""

EVALUATOR = '''
import tfwolf

@tfwolf.register
class Brightness:
    """Mean brightness of the images that were evaluated."""

    def __init__(self, scale=1.0):
        self.scale = scale

    def __call__(self, assessment):
        means = assessment.by_batch(
            'brightness', lambda images: images.numpy().mean(axis=(1, 2, 3))
        )
        assessment.columns['brightness'] = sum(map(list, means), [])
        return {'brightness': self.scale * sum(map(sum, means)) / assessment.split.num_examples}
'''


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Return a working directory with the four files."""
    folder = tmp_path_factory.mktemp('outside')
    for name, text in (
        ('own_network', NETWORK),
        ('own_encoder', ENCODER),
        ('own_source', SOURCE),
        ('own_evaluator', EVALUATOR),
    ):
        (folder / f'{name}.py').write_text(text)
    return folder


def call(folder, module, *arguments):
    """Run a command in the folder; return what it prints."""
    done = subprocess.run(
        [sys.executable, '-m', f'tfwolf.{module}', *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'CUDA_VISIBLE_DEVICES': ''},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_custom_parts_train_evaluate_and_export(folder):
    plugins = [f'--plugin=own_{kind}' for kind in ('network', 'encoder', 'source', 'evaluator')]
    call(
        folder,
        'train',
        '--gin_file=digits',
        *(f'--gin_param={binding}' for binding in TINY),
        *plugins,
        '--train_dir=run',
        '--max_steps=3',
        '--gin_param=RefinedGlow.net = @Pointwise',
        '--gin_param=GaussianLatent.encoder = @LinearEncoder',
        "--gin_param=dataset.source = 'stripes:2'",
        '--gin_param=dataset.validation_size = None',
    )
    call(
        folder,
        'evaluate',
        '--train_dir=run',
        *plugins,
        '--num_samples=1',
        '--gin_param=evaluation.evaluators = [@Brightness()]',
        '--gin_param=Brightness.scale = 2.0',
    )
    result = json.loads((folder / 'run' / 'evaluation.json').read_text())
    rows = np.arange(180, 200)[:, None] + np.arange(8)
    assert (
        result['brightness'] == pytest.approx(2 * np.mean(17 * (rows // 2 % 16)))
        and result['dataset'] == 'stripes'
    )
    header, *lines = (folder / 'run' / 'evaluation_images.csv').read_text().splitlines()
    assert (
        header.endswith(',brightness') and len(lines) == 20 and np.isfinite(result['bits_per_dim'])
    )
    call(folder, 'export', '--train_dir=run', *plugins, '--export_dir=out')
    servable = Servable(folder / 'out' / '1')
    images = np.full([1, 8, 8, 1], 34, np.uint8)
    code = servable('encode', {'images': images})
    np.testing.assert_array_equal(
        servable('decode', {name: code[name] for name in ('z', 'v')})['images'], images
    )


def test_an_unknown_part_is_reported_with_advice():
    with pytest.raises(ValueError, match='@Pointwise(.|\n)*--plugin'):
        read_configuration(['digits'], ['RefinedGlow.net = @Pointwise'])
