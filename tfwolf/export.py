"""Turns a run into a product: `python -m tfwolf.export --train_dir=runs/digits --export_dir=exported/digits`."""
from tfwolf import quiet  # isort: skip  (before anything that imports TensorFlow)

import os

from absl import flags
import tensorflow as tf

from tfwolf import command
from tfwolf.derived import fix_weights
from tfwolf.evaluation.provenance import file_sha256
from tfwolf.serving.companions import write_companions
from tfwolf.serving.examples import example_inputs
from tfwolf.serving.model_card import model_card
from tfwolf.serving.publication import new_folder, new_version
from tfwolf.serving.saved_model import describe, write_saved_model
from tfwolf.serving.signatures import Signatures
from tfwolf.serving.stablehlo import write_stablehlo
from tfwolf.serving.verification import check, expected_results
from tfwolf.serving.warmup import write_examples, write_warmup
from tfwolf.trained import trained_of_flags
from tfwolf.training import run_directory
from tfwolf.variables import count_parameters

EXPORT_DIR = flags.DEFINE_string('export_dir', None, 'Folder of the versions of the exported model; a new one is added.')
VERSION = flags.DEFINE_integer('version', None, 'Number of the new version; default: the next free one.', lower_bound=0)
FORMAT = flags.DEFINE_enum('format', 'saved_model', ['saved_model', 'stablehlo'], 'saved_model: a version for TensorFlow Serving; stablehlo: the '
                           'numeric functions for JAX and other runtimes, not verified here.')
BATCH_SIZES = flags.DEFINE_multi_integer('batch_sizes', [1, 8], 'Of stablehlo, whose sizes are fixed.', lower_bound=1)
MODEL_NAME = flags.DEFINE_string('model_name', 'wolf', 'Name that a server has the model under.')
VERIFY = flags.DEFINE_bool('verify', True, 'Call every signature as a server would and publish only what agrees with the checkpoint.')


def main():
    """Runs the command."""
    try:
        export()
    except tf.errors.OpError as error:
        # A full disk, mostly; the unfinished version is gone.
        raise RuntimeError(f'The export could not be written; nothing was published. TensorFlow says: {error.message.splitlines()[0]}') from error


def export():
    """Exports what the flags name."""
    command.train_dir()
    if not EXPORT_DIR.value:
        raise ValueError('--export_dir must be given: the folder of the exported versions.')
    is_stablehlo = FORMAT.value == 'stablehlo'
    with new_folder(EXPORT_DIR.value) if is_stablehlo else new_version(EXPORT_DIR.value, VERSION.value) as published:
        found = trained_of_flags()
        if is_stablehlo:
            fix_weights(found.model)
            write_stablehlo(Signatures(found.model), published.folder, BATCH_SIZES.value)
        else:
            differences = _write(found, published.folder)
    if is_stablehlo:
        print(f'Written to {EXPORT_DIR.value}: {_megabytes(EXPORT_DIR.value):.1f} MB; manifest.json says what is where, and load_with_jax.py runs it')
        return
    write_companions(EXPORT_DIR.value, MODEL_NAME.value)
    if differences:
        print(f'Verified: {len(differences)} outputs of {len({found.signature for found in differences})} signatures agree with the checkpoint')
    print(f'Written to {published.folder}: {_megabytes(published.folder):.1f} MB; what stands beside it starts a server '
          f'(docker compose -f {os.path.join(EXPORT_DIR.value, "compose.yaml")} up)')


def _write(found, folder):
    """Writes everything that a version of a `Trained` model consists of; returns the list of `Difference`, or None if it is not verified."""
    model = found.model
    signatures, parameters = Signatures(model), count_parameters(model)
    examples = example_inputs(model, signatures, 1, command.SEED.value)
    expected = expected_results(model, signatures, command.SEED.value) if VERIFY.value else None
    fix_weights(model)
    fixed = Signatures(model)
    write_saved_model(fixed, folder)
    write_warmup(folder, examples, MODEL_NAME.value)
    write_examples(folder, examples)
    provenance = {**found.identity, 'weights_sha256': file_sha256(os.path.join(folder, 'variables', 'variables.data-00000-of-00001'))}
    run_directory.write_json(os.path.join(folder, 'signatures.json'), {
        'model': MODEL_NAME.value, 'parameters': parameters, **provenance, **describe(fixed)})
    differences = None if expected is None else check(folder, expected)
    run_directory.write_text(os.path.join(folder, 'model_card.md'), model_card(
        model, parameters, provenance, found.train_dir, command.config_text(), differences))
    return differences


def _megabytes(folder):
    return sum(os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names) / 1e6


if __name__ == '__main__':
    command.run(main)
