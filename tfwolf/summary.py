"""Describes an experiment without training it: `python -m tfwolf.summary
--gin_file=gin/cifar10.gin`.
"""

import json

from tfwolf.benchmark.description import describe, speed
from tfwolf.commands import flags, opening
from tfwolf.commands import main as command
from tfwolf.training.run import TrainingRun


def define_flags(options: flags.Flags) -> None:
    """Defines the flags of this command alone."""
    options.boolean('json', False, 'Print one JSON object and nothing else.')
    options.boolean(
        'speed', True, 'Time two training steps on synthetic images, for the estimate of days.'
    )
    options.integer('timed_batch_size', 16, 'Images per timed step.', lower_bound=1)


def main(options: flags.Flags) -> None:
    """Runs the command."""
    configuration = opening.configuration(options)
    experiment, settings = configuration.experiment(), configuration.settings()
    shape = experiment.find_image_shape(options.data_dir)
    strategy = opening.environment(options).make_strategy()
    with strategy.scope():
        model = experiment.make_model(shape, options.seed)
    description = describe(model, settings)
    if options.speed:
        run = TrainingRun(model, None, settings, strategy, xla=options.xla)
        description.update(speed(run, options.timed_batch_size))
    print(json.dumps(description) if options.json else as_text(description))


def as_text(description: dict) -> str:
    """Returns the description as lines for people."""
    lines = [
        f'{"parameters":22}{description["parameters"]:,} (flow {description["parts"]["flow"]:,}, '
        'encoder and prior '
        f'{description["parts"]["latent"]:,})',
        f'{"image":22}{"x".join(map(str, description["image_shape"]))} at '
        f'{description["num_bits"]} bits',
        f"{'latent':22}z of {description['latent_dim']} dimensions, v of the image's shape",
        '',
        'level  resolution  channels  steps  hidden  leaving   parameters',
    ]
    for row in description['levels']:
        resolution = f'{row["height"]}x{row["width"]}'
        lines.append(
            f'{row["level"]:5}  {resolution:>10}  {row["channels"]:8}  {row["num_steps"]:5}  '
            f'{row["hidden_channels"]:6}  '
            f'{row["leaving"]:7}  {row["parameters"]:11,}'
        )
    lines += [
        '',
        f'{"training memory":22}about {description["training_memory_gib"]:.1f} GiB at batch '
        f'{description["batch_size"]}',
    ]
    if 'days_to_max_steps' in description:
        lines.append(
            f'{"speed here":22}{description["images_per_second"]:.1f} images/s: '
            f'{description["days_to_max_steps"]:,.2f} days '
            f'for {description["max_steps"]:,} steps'
        )
    return '\n'.join(lines)


if __name__ == '__main__':
    command.run(main, define_flags, flags.configuration, flags.data, flags.devices)
