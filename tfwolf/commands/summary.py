"""Describe an experiment without training it: parameters, levels, memory; with --speed, days."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags

if TYPE_CHECKING:
    from tfwolf.data.dataset import ImageDataset

EXAMPLES = ('summary cifar10', 'summary cifar10_small --speed', 'summary digits --json')


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Summary')
    options.boolean('json', False, 'Print one JSON object and nothing else.')
    options.boolean('speed', False, 'Time a training step on random images, to estimate days.')
    options.integer('timed_batch_size', 16, 'With --speed: images per step.', lower_bound=1)
    groups.experiment(options)
    groups.data(options)
    groups.devices(options)
    options.argument = 'gin_file'


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.benchmark.description import describe, speed
    from tfwolf.cli import opening
    from tfwolf.training.run import TrainingRun

    configuration = opening.configuration(options)
    experiment, settings = configuration.experiment(), configuration.settings()
    shape = experiment.find_image_shape(options.data_dir)
    strategy = opening.environment(options).make_strategy()
    with strategy.scope():
        model = experiment.make_model(shape, options.seed)
    description = describe(model, settings, experiment.tf32)
    if options.speed:
        # Timing single steps needs no images.
        no_images = cast('ImageDataset', None)
        run = TrainingRun(
            model, no_images, settings, strategy, xla=options.xla, tf32=experiment.tf32
        )
        description.update(speed(run, options.timed_batch_size))
    print(json.dumps(description) if options.json else as_text(description))


def as_text(description: dict) -> str:
    """Return the description as lines for people."""
    parts = description['parts']
    lines = [
        f'{"parameters":22}{description["parameters"]:,} (flow {parts["flow"]:,}, '
        f'encoder and prior {parts["latent"]:,}'
        f'{f", dequantizer {learned:,}" if (learned := parts["dequantizer"]) else ""})',
        f'{"image":22}{"x".join(map(str, description["image_shape"]))} at '
        f'{description["num_bits"]} bits',
        f'{"arithmetic":22}networks in {description["arithmetic"]}',
        f'{"dequantization":22}{description["dequantization"]}',
        f"{'latent':22}z of {description['latent_dim']} dimensions, v of the image's shape",
        *([f'{"condition":22}{description["condition"]}'] if description['condition'] else []),
        '',
        'level  resolution  channels  steps  hidden  leaving   parameters',
    ]
    for row in description['levels']:
        resolution = f'{row["height"]}x{row["width"]}'
        lines.append(
            f'{row["level"]:5}  {resolution:>10}  {row["channels"]:8}  {row["num_steps"]:5}  '
            f'{row["hidden_channels"]:6}  {row["leaving"]:7}  {row["parameters"]:11,}'
        )
    free = description['free_memory_gib']
    free_here = '' if free is None else f'; {free:.1f} GiB are free here'
    lines += [
        '',
        f'{"training memory":22}about {description["training_memory_gib"]:.1f} GiB at batch '
        f'{description["batch_size"]}{free_here}',
    ]
    if 'not_timed' in description:
        lines.append(f'{"speed here":22}not timed. {description["not_timed"]}')
    if 'days_to_max_steps' in description:
        lines.append(
            f'{"speed here":22}{description["images_per_second"]:.1f} images/s: '
            f'{description["days_to_max_steps"]:,.2f} days for {description["max_steps"]:,} steps'
        )
    return '\n'.join(lines)
