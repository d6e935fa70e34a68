"""Compare runs: a table of what each has reached, and their curves in one chart."""

from __future__ import annotations

from tfwolf.cli.flags import Flags
from tfwolf.core.choices import PLOT_FORMATS

EXAMPLES = (
    'compare runs/cifar10_small runs/glow_cifar10_small',
    'compare runs/a runs/b --output_dir=comparison --format=svg',
)


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Comparison')
    options.repeated('run', 'Folder of a run, or pretrained:NAME.', 'FOLDER')
    options.list('format', ['png'], f'Files of the chart: {", ".join(PLOT_FORMATS)}.', 'NAME,...')
    options.path(
        'output_dir',
        None,
        'Folder of table and chart. Default: a new one in results/ of the working directory.',
        'FOLDER',
    )
    options.boolean(
        'overwrite', False, 'Replace results in --output_dir that were made differently.'
    )
    options.arguments = 'run'


def main(options: Flags) -> None:
    """Run the command."""
    import os

    from tfwolf.cli.comparison_table import as_csv, as_text
    from tfwolf.core import files
    from tfwolf.core.paths import expanded
    from tfwolf.plots.curves import compared_curves
    from tfwolf.plots.figure_files import write_figure
    from tfwolf.runs.comparison import compared
    from tfwolf.runs.results import ResultFolder, unused_folder

    if not options.format or set(options.format) - {*PLOT_FORMATS}:
        raise ValueError(
            f'--format must be some of {",".join(PLOT_FORMATS)}; got {",".join(options.format)!r}.'
        )
    runs = [expanded(run) for run in options.run]
    groups = compared(runs)
    print(as_text(groups))
    made_from = {'tool': 'compare', 'runs': runs}
    path = options.output_dir or unused_folder(os.path.join('results', 'compare'), made_from)
    steps = [found.values['steps'] or 0 for group in groups.values() for found in group]
    folder = ResultFolder(path, made_from, max(steps), options.overwrite)
    files.write_text(folder.path('comparison.csv'), as_csv(groups))
    folder.wrote('comparison.csv')
    curves = {
        heading: {
            f'{found.name} ({found.curve_of})': found.curve
            for found in group
            if len(found.curve[0])
        }
        for heading, group in groups.items()
    }
    shown = {heading: group for heading, group in curves.items() if group}
    if shown:
        for file in write_figure(folder.path('curves'), compared_curves(shown), options.format):
            folder.wrote(os.path.basename(file))
    folder.finish(
        {
            'groups': {
                heading: {found.name: found.values for found in group}
                for heading, group in groups.items()
            }
        }
    )
