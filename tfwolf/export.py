"""Turns a run into a product: `python -m tfwolf.export --train_dir=runs/digits
--export_dir=exported/digits`.
"""

import os

import tensorflow as tf

from tfwolf.commands import flags, opening
from tfwolf.commands import main as command
from tfwolf.core.freeze import freeze
from tfwolf.core.messages import first_line
from tfwolf.serving.export import write_version
from tfwolf.serving.server_files import write_server_files
from tfwolf.serving.signatures import Signatures
from tfwolf.serving.stablehlo import write_stablehlo
from tfwolf.serving.versions import new_folder, new_version


def define_flags(options: flags.Flags) -> None:
    """Defines the flags of this command alone."""
    options.string(
        'export_dir', None, 'Folder of the versions of the exported model; a new one is added.'
    )
    options.integer(
        'version', None, 'Number of the new version; default: the next free one.', lower_bound=0
    )
    options.choice(
        'format',
        'saved_model',
        ['saved_model', 'stablehlo'],
        'saved_model: a version for TensorFlow Serving; stablehlo: the '
        'numeric functions for JAX and other runtimes, not verified here.',
    )
    options.repeated_integer(
        'batch_sizes', [1, 8], 'Of stablehlo, whose sizes are fixed.', lower_bound=1
    )
    options.string('model_name', 'wolf', 'Name that a server has the model under.')
    options.boolean(
        'verify',
        True,
        'Call every signature as a server would and publish only what agrees with the checkpoint.',
    )


def main(options: flags.Flags) -> None:
    """Runs the command."""
    opening.train_dir(options)
    if not options.export_dir:
        raise ValueError('--export_dir must be given: the folder of the exported versions.')
    try:
        _stablehlo(options) if options.format == 'stablehlo' else _saved_model(options)
    except tf.errors.OpError as error:
        # A full disk, mostly; the unfinished version is gone.
        raise RuntimeError(
            'The export could not be written; nothing was published. TensorFlow says: '
            f'{first_line(error)}'
        ) from error


def _saved_model(options: flags.Flags) -> None:
    with new_version(options.export_dir, options.version) as published:
        run = opening.open_run(options)
        differences = write_version(
            run.model,
            run.identity,
            run.train_dir,
            run.config.text_with_seed(options.seed),
            published.folder,
            options.model_name,
            options.seed,
            options.verify,
        )
    write_server_files(options.export_dir, options.model_name)
    if differences:
        print(
            f'Verified: {len(differences)} outputs of '
            f'{len({found.signature for found in differences})} signatures agree with the '
            'checkpoint'
        )
    print(
        f'Written to {published.folder}: {_megabytes(published.folder):.1f} MB; what stands '
        'beside it starts a server '
        f'(docker compose -f {os.path.join(options.export_dir, "compose.yaml")} up)'
    )


def _stablehlo(options: flags.Flags) -> None:
    with new_folder(options.export_dir) as published:
        run = opening.open_run(options)
        freeze(run.model)
        write_stablehlo(Signatures(run.model), published.folder, options.batch_sizes)
    print(
        f'Written to {options.export_dir}: {_megabytes(options.export_dir):.1f} MB; manifest.json '
        'says what is where, and load_with_jax.py runs it'
    )


def _megabytes(folder: str) -> float:
    return (
        sum(
            os.path.getsize(os.path.join(place, name))
            for place, _, names in os.walk(folder)
            for name in names
        )
        / 1e6
    )


if __name__ == '__main__':
    command.run(main, define_flags, flags.run, flags.configuration, flags.data)
