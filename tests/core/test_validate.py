"""Checks of arguments return the value, or name the argument, the rule and the value."""

import numpy as np
import pytest
import tensorflow as tf

from tfwolf.core import validate


def test_valid_values_are_returned():
    assert validate.integer('a', np.int64(3), 3) == 3
    assert validate.real('a', 1, minimum=1, below=1.5) == 1.0
    assert validate.num_bits(8) == 8
    assert validate.static_shape('a', tf.TensorShape([2, 3])) == (2, 3)
    assert validate.static_shape('a', []) == ()


@pytest.mark.parametrize(
    'check, message',
    [
        (lambda: validate.integer('a', 2, 3), '`a` must be an integer of at least 3; got a=2'),
        (lambda: validate.integer('a', True, 0), 'got a=True'),
        (lambda: validate.integer('a', 3.0, 0), 'got a=3.0'),
        (
            lambda: validate.real('a', 2, minimum=0, below=2),
            '`a` must be a finite number at least 0 and below 2; got a=2',
        ),
        (lambda: validate.real('a', 0, above=0, maximum=1), 'above 0 and at most 1; got a=0'),
        (lambda: validate.real('a', float('nan')), '`a` must be a finite number; got a=nan'),
        (lambda: validate.real('a', '1'), "got a='1'"),
        (lambda: validate.num_bits(17), '`num_bits` must be an integer from 1 to 16'),
        (
            lambda: validate.static_shape('a', tf.TensorShape([None, 3])),
            r'`a` must have a static shape; got \(None, 3\)',
        ),
    ],
)
def test_invalid_values_are_rejected(check, message):
    with pytest.raises(ValueError, match=message):
        check()
