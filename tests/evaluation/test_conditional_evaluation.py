"""The likelihood of a model with a condition is that of p(x|c), and results say so."""

import numpy as np
import pytest
import tensorflow as tf

import tfwolf
from support.bijector_checks import move_weights
from support.small_models import random_images, small_flow_alone, small_wolf
from tfwolf.data.array_split import ArraySplit
from tfwolf.evaluation.likelihood import evaluate_likelihood, kind_of_bound
from tfwolf.evaluation.summary import WIDTH, as_text
from tfwolf.training.strategy import make_strategy

IMAGES = random_images(12)


def test_the_result_and_its_text_name_the_condition():
    strategy = make_strategy('one_device')
    with strategy.scope():
        model = small_wolf(images=IMAGES, latent=None, condition=tfwolf.Grey)
    move_weights(model.flow, 0.05)
    split = ArraySplit(lambda: (IMAGES, None), len(IMAGES), IMAGES.shape[1:])
    result = evaluate_likelihood(model, split, 8, 1, 0, strategy)
    assert result['condition'] == 'Grey()' and result['dequantization'] == 'uniform'
    text = as_text({**result, 'checkpoint': 'ckpt-3'})
    line = 'p(x|c), c = Grey(); do not compare with bits/dim of p(x)'
    assert line in text.splitlines() and max(map(len, text.splitlines())) <= WIDTH
    given = model.condition_of(IMAGES).numpy()
    assert np.isfinite(result['bits_per_dim']) and given.shape == (12, 8, 8, 1)


def test_a_model_without_a_condition_does_not_name_one():
    assert kind_of_bound(small_flow_alone('glow')) == {'dequantization': 'uniform'}


@pytest.mark.parametrize('factor', [2, 4])
def test_the_line_fits_the_screen(factor):
    condition = tfwolf.LowResolution([64, 64, 3], factor=factor)
    assert tf.TensorShape(condition.reduced_shape) == [64 // factor, 64 // factor, 3]
    line = f'p(x|c), c = {condition.description}; do not compare with bits/dim of p(x)'
    assert len(line) <= WIDTH
