"""Trains and evaluates the same small model on some logical CPUs, at most 4, in a process of its
own; prints the numbers as JSON.

How many devices there are can be set only before TensorFlow's first op, and other tests want two.
"""

import json
import pathlib
import sys

import tensorflow as tf

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.small_models import random_images, small_wolf
from tfwolf.core.replicas import deal
from tfwolf.core.variables import trainable_variables
from tfwolf.data.array_split import ArraySplit
from tfwolf.data.augment import horizontal_flip
from tfwolf.data.pipeline import training_batches
from tfwolf.evaluation.likelihood import evaluate_likelihood
from tfwolf.models.initialization import initialize
from tfwolf.training.averages import WeightAverages
from tfwolf.training.objective import Objective
from tfwolf.training.optimizer import AdamW, WarmupDecay
from tfwolf.training.settings import Settings
from tfwolf.training.step import TrainStep

BATCH, STEPS = 8, 20


def strategy_of(replicas):
    """Returns what `make_strategy` would make if there were just so many logical CPUs."""
    if replicas == 1:
        return tf.distribute.OneDeviceStrategy('CPU:0')
    return tf.distribute.MirroredStrategy(
        [f'CPU:{number}' for number in range(replicas)], tf.distribute.ReductionToOneDevice()
    )


def run(replicas, dtype, latent):
    """Returns the losses, gradient norms and bits/dim of validation of a run with all that must not
    depend on the replicas.
    """
    images = random_images(64)
    split = ArraySplit(lambda: (images[:61], None), 61, images.shape[1:])
    strategy = strategy_of(replicas)
    with strategy.scope():
        model = small_wolf(dtype, latent)
        variables = trainable_variables(model)
        # An epsilon above rounding, which Adam would otherwise blow up where the gradient is
        # nothing else.
        optimizer = AdamW(variables, WarmupDecay(5, peak=2e-3), weight_decay=1e-3, epsilon=1e-4)
        averages = WeightAverages(variables, decay=0.9)
        settings = Settings(
            BATCH,
            STEPS,
            objective=Objective(free_nats_per_dim=0.1),
            clip_norm=5.0,
            accumulation_steps=2,
        )
        step = TrainStep(strategy, model, optimizer, settings, seed=1, averages=averages)
    initialize(model, images[:32], seed=1)
    batches = deal(
        strategy,
        training_batches(split, BATCH, seed=1, augmentations=[horizontal_flip]).map(
            lambda batch: batch['image']
        ),
    )
    metrics = [step(next(batches)) for _ in range(STEPS)]
    with step.weights_to_evaluate():
        evaluated = evaluate_likelihood(model, split, 24, 2, 0, strategy)
    return {
        'loss': [float(each['loss_nats']) for each in metrics],
        'norm': [float(each['gradient_norm']) for each in metrics],
        'bits_per_dim': evaluated['bits_per_dim'],
        'num_images': evaluated['num_images'],
    }


def main(dtype, latent, *replicas):
    """Prints `{replicas: numbers}`."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices('CPU')[0], [tf.config.LogicalDeviceConfiguration()] * 4
    )
    print(json.dumps({count: run(int(count), tf.as_dtype(dtype), latent) for count in replicas}))


if __name__ == '__main__':
    main(*sys.argv[1:])
