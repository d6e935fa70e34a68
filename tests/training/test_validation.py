"""Validation during training: the averaged weights, and the raw ones with the same noise."""

import numpy as np
import pytest
import tensorflow as tf

from support.small_models import random_images, small_wolf
from tfwolf.core.variables import as_tensorflow, trainable_variables
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.dataset import ImageDataset
from tfwolf.evaluation.likelihood import image_likelihoods, likelihood_batches
from tfwolf.training import validation
from tfwolf.training.run import TrainingRun
from tfwolf.training.settings import Settings
from tfwolf.training.strategy import make_strategy
from tfwolf.training.validation import Validation

IMAGES = random_images(20)


def test_raw_weights_are_compared_on_the_first_images(monkeypatch):
    split = ArraySplit(lambda: (IMAGES, None), 20, IMAGES.shape[1:])
    dataset = ImageDataset('random', IMAGES.shape[1:], None, split, split, split)
    strategy = make_strategy('one_device')
    with strategy.scope():
        model = small_wolf(images=IMAGES)
    settings = Settings(8, 10, evaluation_batch_size=8, ema_decay=0.9)
    run = TrainingRun(model, dataset, settings, strategy)
    step = run.make_step()
    weights = [as_tensorflow(variable) for variable in trainable_variables(model)]
    step.averages.count.assign(1)
    for value, weight in zip(step.averages.values, weights):
        value.assign(1.05 * weight)
    before = [tf.identity(weight) for weight in weights]
    evaluate = Validation(run, step)

    def of_images():
        batches = likelihood_batches(model, split, 8, 1, run.seed, strategy, 0, evaluate._terms)
        return image_likelihoods(np.concatenate(list(batches), axis=1), model.num_dims)[0]

    raw = of_images()
    with step.averages.in_use():
        averaged = of_images()
    assert abs(raw.mean() - averaged.mean()) > 1e-3
    # In whole batches.
    for raw_images, count in ((1024, 20), (8, 8), (9, 16)):
        monkeypatch.setattr(validation, 'RAW_IMAGES', raw_images)
        result = evaluate()
        wanted = averaged.mean() + raw[:count].mean() - averaged[:count].mean()
        assert result['bits_per_dim'] == pytest.approx(averaged.mean(), rel=1e-9)
        assert result['bits_per_dim_raw'] == pytest.approx(wanted, rel=1e-9)
        assert all(isinstance(value, float) for value in result.values())
        text = evaluate.text(result)
        assert f'{averaged.mean():.4f} bits/dim (raw weights {wanted:.4f}' in text and 'KL' in text
        assert (f'from {count} images' in text) == (count < 20)
    for old, new in zip(before, weights):
        np.testing.assert_array_equal(new, old)
    # Averages that are not finite do not hide the raw weights.
    step.averages.values[0].assign(tf.fill(weights[0].shape, np.float32('nan')))
    result = evaluate()
    assert np.isnan(result['bits_per_dim'])
    assert result['bits_per_dim_raw'] == pytest.approx(raw[:16].mean(), rel=1e-9)
    step.averages = None
    result = evaluate()
    assert result['bits_per_dim'] == pytest.approx(raw.mean(), rel=1e-9)
    assert 'bits_per_dim_raw' not in result and 'raw weights' not in evaluate.text(result)
