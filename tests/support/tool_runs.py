"""A tiny run of digits, and commands on it."""

import contextlib
import io
import json
import pathlib
import unittest.mock

from tfwolf.cli.main import run

ROOT = pathlib.Path(__file__).resolve().parents[2]
# One step a level, no loops: traced in seconds.
TINY = (
    'RefinedGlow.num_steps = [0, [1], 1]',
    'RefinedGlow.hidden_channels = [4, 4, 4]',
    'Encoder.widths = [4]',
    'FlowPrior.num_steps = 1',
    'train.init_batch_size = 64',
    'train.test_samples = 0',
    'train.picture_every = 0',
    'train.evaluate_every = 0',
)


def train_tiny(train_dir, *flags):
    """Trains a tiny model of digits for six steps; returns `train_dir`."""
    run_tool(
        'train',
        'digits',
        *(f'--gin_param={binding}' for binding in TINY),
        f'--train_dir={train_dir}',
        '--max_steps=6',
        *flags,
    )
    return train_dir


def run_tool(name, *flags, fails=False, code=None):
    """Runs a command in this process, which spares the import of TensorFlow.

    Args:
        name: of the command.
        *flags: its flags.
        fails: whether it must end with a usage error, exit code 2 and no stack trace.
        code: exit code that it must have, if it is another.

    Returns:
        (stdout, stderr).
    """
    printed, errors, found = io.StringIO(), io.StringIO(), 0
    with (
        contextlib.chdir(ROOT),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(errors),
        # It belongs to the whole process, which other tests share.
        unittest.mock.patch('tfwolf.cli.main._set_up_tensorflow'),
    ):
        try:
            run(name, [*map(str, flags)])
        except SystemExit as ended:
            found = ended.code or 0
    assert found == (code or (2 if fails else 0)), errors.getvalue()
    if fails:
        assert '\nerror: ' in errors.getvalue(), errors.getvalue()
    return printed.getvalue(), errors.getvalue()


def result(folder, name='result'):
    """Returns what `NAME.json` in a folder of results holds."""
    return json.loads((pathlib.Path(folder) / f'{name}.json').read_text())
