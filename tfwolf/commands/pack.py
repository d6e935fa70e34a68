"""Pack a run as a pretrained model: half precision, measured, with a model card."""

from __future__ import annotations

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags
from tfwolf.cli.run_choice import run_folder

EXAMPLES = (
    'pack --train_dir=runs/digits --checkpoint=best --output_dir=packed/digits '
    '--training_command="tfwolf train digits" --training_time="9 minutes on 2 CPU cores"',
)


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    groups.run(options)
    options.group('Output')
    options.path(
        'output_dir',
        None,
        'Folder of the packed model; its last part is the name. A model in it is replaced.',
        'FOLDER',
    )
    options.group('Measured')
    options.integer(
        'num_samples',
        5,
        'K: draws of z and of the dequantization noise per test image.',
        lower_bound=1,
    )
    options.integer('num_images', None, 'Use the first N test images only.', lower_bound=1)
    groups.data(options)
    options.group('Model card')
    options.string('training_command', '', 'Command that trained the run.', 'COMMAND')
    options.string(
        'training_time', '', "How long it took and on what, such as '9 minutes on 2 CPU cores'."
    )
    options.string('data_license', '', 'The images and their license. Default: by data set.')


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.cli import opening
    from tfwolf.runs.packing import write_pretrained
    from tfwolf.runs.pretrained_card import Origin

    options.require('output_dir')
    evaluation = write_pretrained(
        run_folder(options),
        options.output_dir,
        options.checkpoint,
        options.weights,
        **options.chosen('num_images', 'num_samples'),
        environment=opening.environment(options, strategy='one_device'),
        origin=Origin(options.training_command, options.training_time, options.data_license),
    )
    print(
        f'{evaluation["bits_per_dim"]:.4f} bits/dim on {evaluation["num_images"]:,} test images '
        f'after rounding to half precision\nWritten to {options.output_dir}'
    )
