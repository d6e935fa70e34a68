"""Makes every picture and table of a run and one page of them: `python tools/report.py
--train_dir=runs/cifar10_small --data_dir=DATA`.
"""

import pathlib
import sys

sys.path.insert(
    0, str(pathlib.Path(__file__).resolve().parents[1])
)  # so that a clone that is not installed will do

import os
import time

from tfwolf.commands import flags, opening
from tfwolf.commands import main as command
from tfwolf.core import files
from tfwolf.evaluation.provenance import checkpoint_sha256, software_versions
from tfwolf.report.page import page
from tfwolf.report.parts import SECTIONS, likelihood_part, make_part, part_of
from tfwolf.runs.config_text import read_config
from tfwolf.runs.results import ResultFolder
from tfwolf.training.checkpoint_files import step_of
from tfwolf.training.checkpoints import find_checkpoint

PAGE = 'report.html'


def define_flags(options: flags.Flags) -> None:
    """Defines the flags of this command alone."""
    options.integer(
        'num_train',
        10_000,
        'Training images of the probe, at most; 0 for all, which takes much longer.',
        lower_bound=0,
    )
    options.string('fid_features', 'inception2015', 'As --features of tools/fid.py.')
    options.string('inception_weights', None, 'As that of tools/fid.py.')
    options.integer('num_fid_samples', 10_000, 'As --num_samples of tools/fid.py.', lower_bound=2)
    options.list(
        'parts', list(SECTIONS), 'Which parts to make; others that lie in the folder are shown too.'
    )


def main(options: flags.Flags) -> None:
    """Runs the command."""
    unknown = sorted(set(options.parts) - SECTIONS.keys())
    if unknown or not options.parts:
        raise ValueError(
            f'--parts must be some of {",".join(SECTIONS)}; got {",".join(options.parts)!r}.'
        )
    train_dir = opening.train_dir(options)
    config = read_config(train_dir)
    path = find_checkpoint(train_dir, options.checkpoint)
    step, out = step_of(path), opening.results_path(options, train_dir, path, 'report')
    identity = {
        'checkpoint': os.path.basename(path),
        'checkpoint_sha256': checkpoint_sha256(path),
        'asked_weights': options.weights,
    }
    folder = ResultFolder(
        out,
        {'tool': 'report', **identity, 'seed': options.seed, 'versions': software_versions()},
        step,
        options.overwrite,
    )
    facts = {
        'checkpoint': identity['checkpoint'],
        'SHA-256 of its index': identity['checkpoint_sha256'],
        'seed': str(options.seed),
        'made with': ', '.join(
            f'{name} {version}' for name, version in software_versions().items()
        ),
        'made on': time.strftime('%Y-%m-%d'),
    }
    made = {}
    for name in options.parts:
        made[name] = make_part(
            name, os.path.join(out, name), _arguments(options, name, step), options.overwrite
        )
        # After every part, so that what is done can be read while the rest is made.
        parts = [
            likelihood_part(train_dir, identity['checkpoint_sha256']),
            *(part_of(key, os.path.join(out, key), made.get(key)) for key in SECTIONS),
        ]
        text = page(
            f'{os.path.basename(os.path.abspath(train_dir))}, step {step:,}',
            facts,
            [part for part in parts if part],
            config,
        )
        files.write_text(folder.path(PAGE), text)
    folder.wrote(PAGE)
    failed = [name for name, problem in made.items() if problem]
    folder.finish(
        {
            'made': [name for name in made if name not in failed],
            'not_made': {name: made[name] for name in failed},
        }
    )
    print(
        f'Open {folder.path(PAGE)} in a browser'
        + (f'; not there: {", ".join(failed)}' if failed else '')
    )


def _arguments(options: flags.Flags, name: str, step: int) -> list[str]:
    """Returns the arguments of the tool that makes a part."""
    shared = options.as_arguments(
        'data_dir', 'download', 'seed', 'weights', 'batch_size', 'gin_file', 'gin_param', 'plugin'
    )
    own = {
        'probe': ['--at_most', f'--num_train={options.num_train}'] if options.num_train else [],
        'fid': [
            f'--features={options.fid_features}',
            f'--num_samples={options.num_fid_samples}',
            *(
                [f'--inception_weights={options.inception_weights}']
                if options.inception_weights
                else []
            ),
        ],
    }.get(name, [])
    checkpoint = 'best' if options.checkpoint == 'best' else step
    return [
        f'--train_dir={options.train_dir}',
        f'--checkpoint={checkpoint}',
        *SECTIONS[name].flags,
        *own,
        *shared,
    ]


if __name__ == '__main__':
    command.run(main, define_flags, flags.results)
