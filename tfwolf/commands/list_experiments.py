"""List the shipped experiments: parameters, data, paper's number."""

from __future__ import annotations

from tfwolf.cli.flags import Flags
from tfwolf.cli.program import program

EXAMPLES = ('list', 'list --match=small')
USES_TENSORFLOW = False


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('List')
    options.string('match', '', 'Show only experiments whose name contains this text.')
    options.argument = 'match'


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.runs.gin_files import experiment_names, read_header
    from tfwolf.runs.pretrained_names import pretrained_names

    headers = [read_header(name) for name in experiment_names() if options.match in name]
    if not headers:
        raise ValueError(f'No shipped experiment has a name with {options.match!r} in it.')
    width = max(len(header.name) for header in headers)
    print(f'{"experiment":{width}}  {"parameters":>11}  {"data":34}  paper')
    for header in headers:
        size, paper = header.parameters or '-', header.paper or '-'
        print(f'{header.name:{width}}  {size:>11}  {header.data:34}  {paper}')
    print(
        f'\n`{program()} train NAME --train_dir=FOLDER` trains one; '
        f'`{program()} summary NAME` describes it.\n'
        f'Trained models of the package: {", ".join(pretrained_names())}; '
        f'`{program()} sample --pretrained=NAME` draws samples of one.'
    )
