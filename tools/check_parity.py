"""Checks our numbers against the reference's: `python tools/check_parity.py
--fixture=tests/golden/wolf_tiny`.

With --checkpoint the weights of an imported model or a run are checked instead of the fixture's.
The exit code is 1 if an array differs."""

import pathlib
import sys

sys.path.insert(
    0, str(pathlib.Path(__file__).resolve().parents[1])
)  # so that a clone that is not installed will do

from tfwolf.commands import flags
from tfwolf.commands import main as command
from tfwolf.reference.fixture import Fixture
from tfwolf.reference.models import fixture_model, saved_model
from tfwolf.reference.parity import Comparison, Parity
from tfwolf.reference.trajectory import compare_trajectory, skipped_trajectory

FAILED = 1


def define_flags(options: flags.Flags) -> None:
    """Defines the flags of this command."""
    options.string('fixture', None, 'Path of the fixture, without .json, .weights.npz and .io.npz.')
    options.choice('dtype', 'float64', ['float64', 'float32'], 'Floating type to compute in.')
    options.string(
        'checkpoint',
        None,
        "Folder of an imported model or a run: check its weights, not the fixture's.",
    )


def main(options: flags.Flags) -> None:
    """Runs the command."""
    if not options.fixture:
        raise ValueError(
            '--fixture must be given: the path of the fixture without its endings, for example '
            'tests/golden/wolf_tiny.'
        )
    fixture, dtype = Fixture(options.fixture), options.dtype
    model = (
        saved_model(options.checkpoint, fixture, dtype)
        if options.checkpoint
        else fixture_model(fixture, dtype)
    )
    # With full matrices, whose gradients the fixture holds.
    plain = fixture_model(fixture, dtype, weights_of=model)
    lines = Parity(fixture, model, dtype).evaluation()
    # On a copy, and first: the training pass moves batch norm's averages.
    if dtype == 'float32':
        trajectory = skipped_trajectory(fixture.trajectory, 'compared in float64 only')
    else:
        trajectory = (
            compare_trajectory(fixture.trajectory, fixture_model(fixture, dtype, weights_of=plain))
            if fixture.trajectory
            else []
        )
    lines += Parity(fixture, plain, dtype).training() + trajectory
    _report(lines, dtype)
    sys.exit(FAILED if any(line.status == 'FAIL' for line in lines) else 0)


def _report(lines: list[Comparison], dtype: str) -> None:
    width = max(len(line.name) for line in lines)
    print(f'{"array":{width}}  {"max |a-b|":>10}  {"relative":>10}  {"tolerance":>10}')
    for line in lines:
        numbers = '  '.join(
            f'{"-" if value is None else format(value, ".1e"):>10}'
            for value in (line.absolute, line.relative, line.tolerance)
        )
        print(
            f'{line.name:{width}}  {numbers}  '
            f'{line.status}{f": {line.remark}" if line.remark else ""}'
        )
    counts = {
        status: sum(line.status == status for line in lines) for status in ('ok', 'FAIL', 'skipped')
    }
    print(f'{dtype}: {counts["ok"]} ok, {counts["FAIL"]} FAIL, {counts["skipped"]} skipped')


if __name__ == '__main__':
    command.run(main, define_flags)
