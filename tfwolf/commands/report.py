"""Make all pictures and tables of a run, and one page with them."""

from __future__ import annotations

import os
import sys
import time

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags
from tfwolf.cli.main import FAILED
from tfwolf.cli.run_choice import chosen_run, run_folder
from tfwolf.core.choices import REPORT_PARTS

EXAMPLES = ('report --train_dir=runs/cifar10_small --data_dir=DATA',)

PAGE = 'report.html'


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Report')
    options.list(
        'parts',
        list(REPORT_PARTS),
        'Parts to make; other parts in the folder are kept.',
        'NAME,...',
    )
    options.integer(
        'num_train', 10_000, 'Training images of the probe, at most; 0 for all.', lower_bound=0
    )
    options.string('fid_features', 'inception2015', 'As --features of `fid`.', 'NAME')
    options.path('inception_weights', None, 'As for `fid`.', 'FILE')
    options.integer('num_fid_samples', 10_000, 'As --num_samples of `fid`.', lower_bound=2)
    groups.results(options)


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.cli import opening
    from tfwolf.core import files
    from tfwolf.core.extras import require_extra
    from tfwolf.evaluation.provenance import checkpoint_sha256, software_versions
    from tfwolf.report.likelihood import likelihood_part, of_checkpoint
    from tfwolf.report.page import page
    from tfwolf.report.paper import paper_of
    from tfwolf.report.parts import make_parts, section_parts
    from tfwolf.report.summary import summary_of
    from tfwolf.runs.config_text import bindings, read_config
    from tfwolf.runs.results import ResultFolder
    from tfwolf.training.checkpoint_files import step_of
    from tfwolf.training.checkpoints import find_checkpoint
    from tfwolf.training.run_directory import read_evaluation

    unknown = sorted(set(options.parts) - {*REPORT_PARTS})
    if unknown or not options.parts:
        raise ValueError(
            f'--parts must be some of {",".join(REPORT_PARTS)}; got {",".join(options.parts)!r}.'
        )
    require_extra('report')
    train_dir = run_folder(options)
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
    title = f'{os.path.basename(os.path.abspath(chosen_run(options) or train_dir))}, step {step:,}'

    def write_page(problems: dict[str, str]) -> None:
        """Write the page after every part, so that what is done can be read meanwhile."""
        sha256, evaluation = identity['checkpoint_sha256'], read_evaluation(train_dir)
        parts = [
            likelihood_part(evaluation, sha256, train_dir),
            *section_parts(out, problems),
        ]
        shown = evaluation if of_checkpoint(evaluation, sha256) else None
        summary = summary_of(out, shown, paper_of(bindings(config)))
        files.write_text(folder.path(PAGE), page(title, facts, parts, config, summary))

    failed = make_parts(
        options.parts,
        out,
        lambda name: _arguments(options, name, step),
        options.overwrite,
        write_page,
    )
    folder.wrote(PAGE)
    made = [name for name in dict.fromkeys(options.parts) if name not in failed]
    folder.finish({'made': made, 'not_made': failed})
    print(f'Open {folder.path(PAGE)} in a browser.')
    if failed:
        print(f'These parts failed: {", ".join(failed)}.', file=sys.stderr)
        sys.exit(FAILED)


def _arguments(options: Flags, name: str, step: int) -> list[str]:
    """Return the arguments of the command that makes a part."""
    from tfwolf.report.sections import SECTIONS

    shared = options.as_arguments(
        'data_dir',
        'download',
        'accept_changed_data',
        'seed',
        'weights',
        'batch_size',
        'gin_file',
        'gin_param',
        'plugin',
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
        f'--train_dir={chosen_run(options)}',
        f'--checkpoint={checkpoint}',
        *SECTIONS[name].flags,
        *own,
        *shared,
    ]
