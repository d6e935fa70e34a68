"""Compare our numbers with those of the reference implementation.

The exit code is 1 if an array differs.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tfwolf.cli.flags import Flags
from tfwolf.cli.run_choice import run_folder

if TYPE_CHECKING:
    from tfwolf.reference.parity import Comparison

EXAMPLES = ('parity --fixture=tests/golden/wolf_tiny',)

FAILED = 1


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Parity')
    options.path(
        'fixture', None, 'Path of the fixture, without .json, .weights.npz and .io.npz.', 'PATH'
    )
    options.choice('dtype', 'float64', ['float64', 'float32'], 'Type to compute in.')
    options.path(
        'train_dir',
        None,
        "Folder of an imported model or a run: compare its weights, not the fixture's.",
        'FOLDER',
    )
    options.renamed('checkpoint', 'train_dir')


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.reference.fixture import Fixture
    from tfwolf.reference.models import fixture_model, saved_model
    from tfwolf.reference.parity import Parity
    from tfwolf.reference.trajectory import compare_trajectory, skipped_trajectory

    options.require('fixture')
    fixture, dtype = Fixture(options.fixture), options.dtype
    model = (
        saved_model(run_folder(options), fixture, dtype)
        if options.train_dir
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
