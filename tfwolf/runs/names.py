"""Register every name that gin files may use, by importing the modules that define them."""

import importlib
import pkgutil

import tensorflow as tf

import tfwolf.bijectors
import tfwolf.data
import tfwolf.distributions
import tfwolf.evaluation
import tfwolf.flows
import tfwolf.models
import tfwolf.nets
import tfwolf.training
from tfwolf.core.parts import register

# New modules of these packages are found automatically.
for _room in (
    tfwolf.data,
    tfwolf.nets,
    tfwolf.bijectors,
    tfwolf.flows,
    tfwolf.distributions,
    tfwolf.models,
    tfwolf.evaluation,
    tfwolf.training,
):
    for _module in pkgutil.iter_modules(_room.__path__, f'{_room.__name__}.'):
        importlib.import_module(_module.name)

for _activation in (tf.nn.elu, tf.nn.relu):
    register(_activation)
