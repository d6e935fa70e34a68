"""Compare runs: a table of what each has reached, and their curves in one chart."""

from __future__ import annotations

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags

USES_TENSORFLOW = False
EXAMPLES = (
    'compare runs/cifar10_small runs/glow_cifar10_small',
    'compare runs/a runs/b --output_dir=comparison --format=svg',
)


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Comparison')
    options.repeated('run', 'Folder of a run, or pretrained:NAME.', 'RUN')
    options.path(
        'output_dir',
        None,
        'Folder of table and chart. Default: a new one in results/ of the working directory.',
        'FOLDER',
    )
    options.boolean(
        'overwrite', False, 'Replace results in --output_dir that were made differently.'
    )
    groups.figures(options)
    options.arguments = 'run'


def main(options: Flags) -> None:
    """Run the command."""
    import os

    import tfwolf
    from tfwolf.cli.comparison_table import as_csv, as_text
    from tfwolf.cli.picture_files import appearance
    from tfwolf.core import files
    from tfwolf.core.paths import expanded
    from tfwolf.plots.curves import compared_curves
    from tfwolf.runs.comparison import compared
    from tfwolf.runs.results import ResultFolder, unused_folder

    look = appearance(options)
    runs = [expanded(run) for run in options.run]
    compared_runs = compared(runs)
    print(as_text(compared_runs))
    made_from = {'tool': 'compare', 'runs': runs, 'versions': {'tfwolf': tfwolf.__version__}}
    path = options.output_dir or unused_folder(os.path.join('results', 'compare'), made_from)
    steps = [found.values['steps'] or 0 for group in compared_runs.values() for found in group]
    folder = ResultFolder(path, made_from, max(steps), options.overwrite, look)
    files.write_text(folder.path('comparison.csv'), as_csv(compared_runs))
    folder.wrote('comparison.csv')
    curves = {
        heading: {
            f'{found.name} ({found.curve_of})': found.curve
            for found in group
            if len(found.curve[0])
        }
        for heading, group in compared_runs.items()
    }
    shown = {heading: group for heading, group in curves.items() if group}
    if shown:
        folder.figure('curves', compared_curves(shown))
    folder.finish(
        {
            'groups': {
                heading: {found.name: found.values for found in group}
                for heading, group in compared_runs.items()
            }
        }
    )
