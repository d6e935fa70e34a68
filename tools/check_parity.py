"""Checks our numbers against the reference's: `python tools/check_parity.py --fixture=tests/golden/wolf_tiny --dtype=float64`."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # so that a clone that is not installed will do
from tfwolf import quiet  # noqa: E402  # isort: skip  (before anything that imports TensorFlow)

import os

from absl import flags
import gin

from tfwolf import command
from tfwolf.experiment import Experiment
from tfwolf.reference.configuration import gin_bindings
from tfwolf.reference.fixture import Fixture
from tfwolf.reference.parity import Parity
from tfwolf.reference.trajectory import compare_trajectory, skipped_trajectory
from tfwolf.reference.weights import copy_weights, load_weights, read_weights
from tfwolf.training import run_directory
from tfwolf.training.checkpoints import find_checkpoint, restore_model

FIXTURE = flags.DEFINE_string('fixture', None, 'Path of the fixture, without .json, .weights.npz and .io.npz.')
DTYPE = flags.DEFINE_enum('dtype', 'float64', ['float64', 'float32'], 'Floating type to compute in.')
CHECKPOINT = flags.DEFINE_string('checkpoint', None, "Folder of an imported model or a run: check its weights, not the fixture's.")

FAILED = 1


def main():
    """Runs the command."""
    if not FIXTURE.value:
        raise ValueError('--fixture must be given: the path of the fixture without its endings, for example tests/golden/wolf_tiny.')
    fixture = Fixture(FIXTURE.value)
    model, plain = _models(fixture)
    lines = Parity(fixture, model, DTYPE.value).evaluation()
    # On a copy, and first: the training pass moves batch norm's averages.
    if DTYPE.value == 'float32':
        trajectory = skipped_trajectory(fixture.trajectory, 'compared in float64 only')
    else:
        trajectory = _trajectory(fixture, plain)
    lines += Parity(fixture, plain, DTYPE.value).training() + trajectory
    _report(lines)
    sys.exit(FAILED if any(line.status == 'FAIL' for line in lines) else 0)


def _models(fixture):
    """Returns the model to check, and one with the same weights and full matrices, whose gradients the fixture holds."""
    if not CHECKPOINT.value:
        model = _reference_model(fixture)
        load_weights(model, read_weights(fixture.weights_path))
        return model, _copy(fixture, model)
    config = os.path.join(CHECKPOINT.value, run_directory.CONFIG)
    if not os.path.isfile(config):
        raise ValueError(f'{CHECKPOINT.value} holds no model of tfwolf (no {run_directory.CONFIG}).')
    command.parse_gin([config], [])
    parts = Experiment()
    shape = fixture.io['images'].shape[1:]
    saved = parts.make_model(image_shape=shape, seed=0)
    restore_model(saved, find_checkpoint(CHECKPOINT.value, 'latest'))
    model = parts.make_model(image_shape=shape, seed=0, dtype=DTYPE.value)
    copy_weights(saved, model)
    return model, _copy(fixture, model)


def _reference_model(fixture):
    """Returns the fixture's model with full matrices and weights of its own."""
    bindings, notices = gin_bindings(fixture.configuration, fixture.image_size, fixture.num_bits)
    for notice in notices:
        print(f'notice: {notice}')
    gin.clear_config()
    command.parse_gin([], bindings)
    return Experiment().make_model(image_shape=fixture.io['images'].shape[1:], seed=0, dtype=DTYPE.value)


def _copy(fixture, model):
    copy = _reference_model(fixture)
    copy_weights(model, copy)
    return copy


def _trajectory(fixture, plain):
    return compare_trajectory(fixture.trajectory, _copy(fixture, plain)) if fixture.trajectory else []


def _report(lines):
    width = max(len(line.name) for line in lines)
    print(f'{"array":{width}}  {"max |a-b|":>10}  {"relative":>10}  {"tolerance":>10}')
    for line in lines:
        numbers = '  '.join(f'{"-" if value is None else format(value, ".1e"):>10}'
                            for value in (line.absolute, line.relative, line.tolerance))
        print(f'{line.name:{width}}  {numbers}  {line.status}{f": {line.remark}" if line.remark else ""}')
    counts = {status: sum(line.status == status for line in lines) for status in ('ok', 'FAIL', 'skipped')}
    print(f'{DTYPE.value}: {counts["ok"]} ok, {counts["FAIL"]} FAIL, {counts["skipped"]} skipped')


if __name__ == '__main__':
    command.run(main)
