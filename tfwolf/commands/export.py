"""Export a run as a SavedModel for TensorFlow Serving, as ONNX, or as StableHLO.

A version appears complete or not at all, after every signature was compared with the checkpoint.
"""

from __future__ import annotations

import os

from tfwolf.cli import groups, program
from tfwolf.cli.flags import Flags

EXAMPLES = ('export --train_dir=runs/digits --checkpoint=best --export_dir=exported/digits',)


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    groups.run(options)
    options.group('Export')
    options.path(
        'export_dir', None, 'Folder of the exported versions; a new version is added.', 'FOLDER'
    )
    options.integer('version', None, 'Number of the new version. Default: next.', lower_bound=0)
    options.choice(
        'format',
        'saved_model',
        ['saved_model', 'onnx', 'stablehlo'],
        'A version for TensorFlow Serving (saved_model), files for onnxruntime and browsers '
        '(onnx), or the numeric functions for JAX and other runtimes, without verification '
        '(stablehlo).',
    )
    options.repeated_integer('batch_sizes', [1, 8], 'Batch sizes of stablehlo.', lower_bound=1)
    options.string('model_name', 'wolf', 'Name under which a server serves the model.', 'NAME')
    options.boolean(
        'verify', True, 'Call every signature as a server would; publish only if it agrees.'
    )
    groups.experiment(options)
    groups.data(options)


def main(options: Flags) -> None:
    """Run the command."""
    import tensorflow as tf

    from tfwolf.core.extras import require_extra
    from tfwolf.core.messages import first_line

    options.require('export_dir')
    require_extra('onnx' if options.format == 'onnx' else 'serving')
    write = {'saved_model': _saved_model, 'onnx': _onnx, 'stablehlo': _stablehlo}[options.format]
    try:
        write(options)
    except tf.errors.OpError as error:
        # Usually a full disk; the unfinished version was removed.
        raise RuntimeError(
            'The export could not be written; nothing was published. TensorFlow says: '
            f'{first_line(error)}'
        ) from error


def _saved_model(options: Flags) -> None:
    from tfwolf.cli import opening
    from tfwolf.runs.run_data import read_record
    from tfwolf.serving.export import ExportedRun, write_version
    from tfwolf.serving.server_files import write_server_files
    from tfwolf.serving.versions import new_version

    with new_version(options.export_dir, options.version) as published:
        run = opening.open_run(options)
        seed, record = run.training_seed, read_record(run.train_dir)
        differences = write_version(
            run.model,
            ExportedRun(
                run.identity,
                run.train_dir,
                run.config.text if seed is None else run.config.text_with_seed(seed),
                None if record is None else record.classes,
            ),
            published.folder,
            options.model_name,
            options.seed,
            options.verify,
        )
    write_server_files(options.export_dir, options.model_name)
    if differences:
        signatures = {found.signature for found in differences}
        print(
            f'Verified: {len(differences)} outputs of {len(signatures)} signatures agree with the '
            'checkpoint.'
        )
    compose = os.path.join(options.export_dir, 'compose.yaml')
    print(
        f'Written to {published.folder} ({_megabytes(published.folder):.1f} MB).\n'
        f'Next:\n  docker compose -f {program.shell_line(compose)} up\n'
        f'  {program.command_line("explore", f"--export_dir={options.export_dir}")}'
    )


def _onnx(options: Flags) -> None:
    from tfwolf.cli import opening
    from tfwolf.core.freeze import freeze
    from tfwolf.serving.onnx_files import check_onnx, write_onnx
    from tfwolf.serving.onnx_functions import onnx_examples, onnx_functions
    from tfwolf.serving.verification import BATCH_SIZES
    from tfwolf.serving.versions import new_folder

    with new_folder(options.export_dir) as published:
        run = opening.open_run(options)
        examples = onnx_examples(run.model, BATCH_SIZES, options.seed) if options.verify else []
        freeze(run.model)
        functions = onnx_functions(run.model)
        write_onnx(functions, published.folder)
        differences = check_onnx(published.folder, examples)
    if differences:
        pixels = max(found.value for found in differences if found.is_of_images)
        floats = max(found.value for found in differences if not found.is_of_images)
        print(
            f'Verified with onnxruntime: {len(differences)} outputs of {len(functions)} functions '
            f'agree with the checkpoint. Numbers differ by at most {floats:.1e} from those of the '
            f'model in float64, and {pixels:.2%} of the color values by one level.'
        )
    print(
        f'Written to {options.export_dir} ({_megabytes(options.export_dir):.1f} MB). '
        'manifest.json describes inputs and outputs.'
    )


def _stablehlo(options: Flags) -> None:
    from tfwolf.cli import opening
    from tfwolf.core.freeze import freeze
    from tfwolf.serving.signatures import Signatures
    from tfwolf.serving.stablehlo import write_stablehlo
    from tfwolf.serving.versions import new_folder

    with new_folder(options.export_dir) as published:
        run = opening.open_run(options)
        freeze(run.model)
        write_stablehlo(Signatures(run.model), published.folder, options.batch_sizes)
    print(
        f'Written to {options.export_dir} ({_megabytes(options.export_dir):.1f} MB). '
        'manifest.json describes the files, and load_with_jax.py runs them.'
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
