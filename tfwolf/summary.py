"""Describes an experiment without training it: `python -m tfwolf.summary --gin_file=gin/cifar10.gin`."""
from tfwolf import quiet  # isort: skip  (before anything that imports TensorFlow)

import json
import time

from absl import flags
import tensorflow as tf

from tfwolf import command, seeds
from tfwolf.experiment import Experiment, TrainSettings
from tfwolf.training.step import TrainStep
from tfwolf.variables import count_parameters, trainable_variables

JSON = flags.DEFINE_bool('json', False, 'Print one JSON object and nothing else.')
SPEED = flags.DEFINE_bool('speed', True, 'Time two training steps on made-up images, for the estimate of days.')
TIMED_BATCH_SIZE = flags.DEFINE_integer('timed_batch_size', 16, 'Images per timed step.', lower_bound=1)

BYTES_PER_FLOAT = 4
SECONDS_PER_DAY = 86400


def main():
    """Runs the command."""
    command.parse_gin(command.GIN_FILE.value, command.gin_params())
    parts, settings = Experiment(), TrainSettings()
    shape = parts.find_image_shape(command.DATA_DIR.value)
    strategy = command.strategy()
    with strategy.scope():
        model = parts.make_model(image_shape=shape, seed=command.SEED.value)
    parameters = count_parameters(model)
    description = {
        'parameters': parameters, 'latent_dim': model.latent.dim, 'image_shape': list(shape), 'num_bits': model.num_bits,
        'parts': {'flow': count_parameters(model.flow), 'latent': count_parameters(model.latent)},
        'levels': [level._asdict() for level in model.flow.levels], 'batch_size': settings.batch_size,
        'max_steps': settings.max_steps, 'training_memory_gib': training_memory_bytes(model, settings.batch_size) / 2 ** 30}
    if SPEED.value:
        seconds = seconds_per_image(strategy, model, settings, TIMED_BATCH_SIZE.value)
        description['images_per_second'] = 1 / seconds
        description['days_to_max_steps'] = seconds * settings.batch_size * settings.max_steps / SECONDS_PER_DAY
    print(json.dumps(description) if JSON.value else as_text(description))


def training_memory_bytes(model, batch_size):
    """Returns an estimate of a training step's memory: weights, gradients, two moments, and stored activations.

    Backpropagation keeps of each coupling the arrays of its network's width and about twelve of its channels.
    """
    activations = sum(level.height * level.width * (level.hidden_arrays * level.hidden_channels + 12 * level.channels) * level.num_couplings
                      for level in model.flow.levels)
    return BYTES_PER_FLOAT * (4 * count_parameters(model) + batch_size * activations)


def seconds_per_image(strategy, model, settings, batch_size):
    """Returns the measured seconds per image of one training step on made-up images, after a first one that compiles."""
    with strategy.scope():
        optimizer = settings.optimizer(variables=trainable_variables(model))
        step = TrainStep(strategy, model, optimizer, settings.objective, batch_size, seed=0)
    model.initialized.assign(True)
    noise = seeds.uniform([batch_size, *model.image_shape], seeds.tensor_seed(0, 'summary'), tf.float32)
    images = tf.cast(256 * noise, tf.uint8)
    batch = next(iter(strategy.experimental_distribute_dataset(tf.data.Dataset.from_tensors(images))))
    step(batch)['loss_nats'].numpy()
    started = time.perf_counter()
    step(batch)['loss_nats'].numpy()
    return (time.perf_counter() - started) / batch_size


def as_text(description):
    """Returns the description as lines for people."""
    lines = [f'{"parameters":22}{description["parameters"]:,} (flow {description["parts"]["flow"]:,}, encoder and prior '
             f'{description["parts"]["latent"]:,})',
             f'{"image":22}{"x".join(map(str, description["image_shape"]))} at {description["num_bits"]} bits',
             f'{"latent":22}z of {description["latent_dim"]} dimensions, v of the image\'s shape', '',
             'level  resolution  channels  steps  hidden  leaving   parameters']
    for row in description['levels']:
        resolution = f'{row["height"]}x{row["width"]}'
        lines.append(f'{row["level"]:5}  {resolution:>10}  {row["channels"]:8}  {row["num_steps"]:5}  {row["hidden_channels"]:6}  '
                     f'{row["leaving"]:7}  {row["parameters"]:11,}')
    lines += ['', f'{"training memory":22}about {description["training_memory_gib"]:.1f} GiB at batch {description["batch_size"]}']
    if 'days_to_max_steps' in description:
        lines.append(f'{"speed here":22}{description["images_per_second"]:.1f} images/s: {description["days_to_max_steps"]:,.2f} days '
                     f'for {description["max_steps"]:,} steps')
    return '\n'.join(lines)


if __name__ == '__main__':
    command.run(main)
