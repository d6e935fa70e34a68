"""References that TensorFlow does not track."""

import tensorflow as tf

from tfwolf.core.untracked import Untracked
from tfwolf.core.variables import named_variables


def test_an_untracked_object_is_not_part_of_the_model():
    module = tf.Module()
    module.own = tf.Variable(1.0)
    module.other = Untracked(tf.Variable(2.0))
    assert [path for path, _ in named_variables(module)] == [('own',)] and module.variables == (
        module.own,
    )
    assert float(module.other.value) == 2.0
