"""Changelog, citation and continuous integration are true and valid."""

import re

import yaml

import tfwolf
from support.documentation import ROOT, client_flags, is_module
from tfwolf.cli.catalog import load_command
from tfwolf.cli.main import define


def rows(title):
    """Return the rows of the table of CHANGELOG.md that follows a text, as lists of cells."""
    text = (ROOT / 'CHANGELOG.md').read_text(encoding='utf-8').split(title, 1)[1]
    lines = re.search(r'(?:^\|.*\n)+', text, re.MULTILINE)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip('|').split(' | ')] for line in lines]


def test_earlier_flags_are_still_accepted():
    for commands, *flags in rows('Flags have one name'):
        for command in re.findall(r'`([\w.]+)`', commands):
            for flag in re.findall('--([a-z_]+)', ' '.join(flags)):
                if command == 'client.py':
                    assert flag in client_flags(), (command, flag)
                else:
                    assert hasattr(define(load_command(command)), flag), (command, flag)


def test_modules_that_moved_are_where_the_changelog_says():
    for earlier, now in rows('Modules have moved'):
        for group_then, group_now in zip(earlier.split('; '), now.split('; '), strict=True):
            names = [part.rpartition('.')[2] for part in re.findall(r'`(.*?)`', group_then)]
            first, *others = re.findall(r'`(.*?)`', group_now)
            room, _, module = first.rpartition('.')
            moved = names if group_now.endswith('...') else [module, *others]
            missing = [name for name in moved if not is_module(f'{room}.{name}')]
            assert not missing, (group_now, missing)


def test_the_citation_file_is_valid():
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text(encoding='utf-8'))
    assert {'cff-version', 'message', 'title', 'authors'} <= set(citation)
    assert citation['version'] == tfwolf.__version__
    paper = citation['preferred-citation']
    assert [author['family-names'] for author in paper['authors']] == [
        'Ma',
        'Kong',
        'Zhang',
        'Hovy',
    ]


def test_continuous_integration_runs_the_checks_of_the_repository():
    workflow = yaml.safe_load((ROOT / '.github' / 'workflows' / 'ci.yml').read_text('utf-8'))
    steps = [step for job in workflow['jobs'].values() for step in job['steps']]
    assert '.ci/run' in [step.get('run') for step in steps]
    assert (ROOT / '.ci' / 'run').exists()
    versions = {step['with']['python-version'] for step in steps if 'setup-python' in str(step)}
    assert versions == {'3.11'}
