"""What evaluation says beside the likelihood: whose result it is, whether images return, samples are numbers and layers invert."""
import math

import numpy as np
import tensorflow as tf

from small_models import random_images, small_wolf
from tfwolf.bijectors.base import walk_leaves
from tfwolf.data.dataset import ArraySplit
from tfwolf.evaluation.fingerprint import data_fingerprint, software_versions
from tfwolf.evaluation.invertibility import invertibility_report, worst_layers
from tfwolf.evaluation.soundness import TEMPERATURES, non_finite_samples, reconstruction_errors
from tfwolf.variables import named_variables

IMAGES = random_images(16)


def split(images):
    """Returns images as a `Split`."""
    return ArraySplit(lambda: (images, None), len(images), images.shape[1:])


def test_a_fingerprint_is_of_every_pixel_and_the_order():
    other = IMAGES.copy()
    other[-1, -1, -1, -1] ^= 1
    prints = {data_fingerprint(split(images)) for images in (IMAGES, other, IMAGES[::-1], IMAGES[:15])}
    assert len(prints) == 4 and data_fingerprint(split(IMAGES.copy())) == data_fingerprint(split(IMAGES))
    assert software_versions()['tensorflow'] == tf.__version__


def test_a_sound_model_returns_every_image_and_samples_numbers():
    for num_bits in (8, 5):
        model = small_wolf(images=IMAGES, num_bits=num_bits)
        errors = reconstruction_errors(model, IMAGES)
        assert errors['num_not_exact'] == errors['max_pixel_error'] == 0 and 0 < errors['max_round_trip_error'] < 1e-4
        assert non_finite_samples(model, 8, seed=0) == {str(temperature): 0.0 for temperature in TEMPERATURES}


def test_the_layer_that_explodes_is_named_and_weights_stay_as_they_are():
    model = small_wolf(images=IMAGES)
    z, names = tf.zeros([1, 4]), []

    def note(path, layer, x):
        names.append('.'.join(('flow', *path)))
        return layer.forward_and_log_det(x, z)[0]

    walk_leaves(model.flow, note, tf.zeros([1, 8, 8, 3]))
    stacked = next(variable for path, variable in named_variables(model.flow) if path[-1] == 'layers.0.log_scale')
    stacked.assign(stacked - 12.0)
    before = [np.asarray(tf.convert_to_tensor(variable)) for _, variable in named_variables(model)]
    report = invertibility_report(model, IMAGES, seed=0)
    assert [row['layer'] for row in report] == names
    worst = worst_layers(report, 1)[0]
    assert worst['kind'] == 'ActNorm' and worst['layer'] == names[0] and worst['inverse_gain'] > math.exp(8)
    for old, (path, variable) in zip(before, named_variables(model)):
        np.testing.assert_array_equal(old, tf.convert_to_tensor(variable), err_msg=str(path))


def test_gains_that_are_not_finite_come_first():
    report = [{'layer': name, 'inverse_gain': gain} for name, gain in (('a', 2.0), ('b', math.nan), ('c', math.inf), ('d', 1.0))]
    assert [row['layer'] for row in worst_layers(report, 4)][2:] == ['a', 'd']


def test_samples_that_are_not_finite_are_counted():
    model = small_wolf(images=IMAGES, latent=None)
    bias = next(variable for path, variable in named_variables(model.flow) if path[-1] == 'layers.0.bias')
    bias.assign(tf.fill(bias.shape, np.inf))
    assert set(non_finite_samples(model, 4, seed=0).values()) == {1.0}
