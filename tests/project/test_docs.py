"""Commands, flags, gin bindings, links and tables of the documentation are true."""

import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from test_import_direction import ROOMS

import tfwolf
from support.documentation import (
    FILES,
    LINK,
    PAGES,
    ROOT,
    anchors,
    blocks,
    calls,
    inline_code,
    name_of,
    prose,
)
from tfwolf.cli import gin_check
from tfwolf.cli.catalog import COMMANDS, load_command
from tfwolf.cli.main import define, main
from tfwolf.core.parts import registered_names
from tfwolf.runs.config_text import RENAMED
from tfwolf.runs.configuration import read_configuration
from tfwolf.runs.gin_files import experiment_names

CONFIG = ROOT / 'docs' / 'mkdocs.yml'
# Flags of other programs.
OTHERS = {'ntasks-per-node', 'enable_batching', 'check', 'help'}
OPTIONS = {name: define(load_command(name)) for name in COMMANDS}
# Pages that docs/hooks.py makes.
GENERATED = {
    'commands.md': None,
    'changelog.md': ROOT / 'CHANGELOG.md',
    'contributing.md': ROOT / 'CONTRIBUTING.md',
}


def client_flags():
    """Return the names of the flags of client.py."""
    files = (ROOT / 'tfwolf' / 'serving').glob('client*.py')
    return {
        flag for file in files for flag in re.findall(r"'--([a-z_]+)'", file.read_text('utf-8'))
    }


def check_client(arguments):
    """Check a command of client.py."""
    from tfwolf.serving import client_command

    client_command.parser().parse_args(arguments)


def check_tfwolf(arguments):
    """Check a command of the program: its name, its flags, and the names in its bindings.

    Placeholders are in capital letters: NAME, FOLDER.
    """
    name, *flags = arguments
    if name == '--help':
        return
    assert name in COMMANDS, f'there is no command {name}'
    if '--help' in flags:
        return
    options = define(load_command(name))
    options.parse(flags)
    if 'Experiment' in options.groups and not options.plugin:
        files = [file for file in options.gin_file if not file.isupper()]
        gin_check.check_names(files, options.gin_param)


@pytest.mark.parametrize('path', FILES, ids=name_of)
def test_commands_exist_with_all_their_flags(path):
    for call in calls(path):
        try:
            if call.program == 'client':
                check_client(call.arguments)
            elif call.program == 'tfwolf':
                check_tfwolf(call.arguments)
            else:
                entry = (ROOT / call.program).read_text(encoding='utf-8')
                check_tfwolf([re.search(r"run\('([\w-]+)'\)", entry)[1], *call.arguments])
        except (Exception, SystemExit) as error:
            pytest.fail(f'{call.where}: {call.program} {" ".join(call.arguments)}: {error}')


@pytest.mark.parametrize('path', FILES, ids=name_of)
def test_flags_in_the_prose_exist(path):
    known = OTHERS | client_flags()
    for code in inline_code(path):
        for flag in re.findall(r'(?:^| )--([\w-]+)', code):
            names = (flag, flag.removeprefix('no'))
            assert flag in known or any(
                hasattr(options, name) for options in OPTIONS.values() for name in names
            ), f'{name_of(path)}: no command has the flag --{flag}'


@pytest.mark.parametrize('path', FILES, ids=name_of)
def test_gin_in_the_documentation_is_read(path, tmp_path):
    for block in blocks(path, 'gin'):
        file = tmp_path / 'block.gin'
        file.write_text(block.text)
        # An include is looked up in the folder of the shipped files.
        assert read_configuration(['digits', str(file)]).text, block.where


@pytest.mark.parametrize('path', FILES, ids=name_of)
def test_names_of_parts_and_settings_exist(path):
    """Code such as `train.batch_size` or `@NoLatent` names what gin files may bind."""
    parts = gin_check.known_parts()
    for code in inline_code(path):
        if found := re.fullmatch(r'(\w+)\.(\w+)(?: = .*)?', code):
            parameters = parts.get(found[1])
            is_other = code in RENAMED or found[2] in ('json', 'csv', 'npz')
            assert is_other or parameters is None or found[2] in parameters, (name_of(path), code)
        for part in re.findall(r'(?:^|[ \[])@([A-Za-z]\w*)', code):
            own = part.startswith('My') or part in ('Name', 'tfwolf', 'brighten_all')
            assert own or part in registered_names(), f'{name_of(path)}: {code}'


@pytest.mark.parametrize('path', FILES, ids=name_of)
def test_links_lead_somewhere(path):
    for link in LINK.findall(prose(path)):
        if link.startswith('https://'):
            continue
        target, _, anchor = link.partition('#')
        found = (path.parent / target).resolve() if target else path
        if PAGES in path.parents:
            if found.name in GENERATED and found.parent == PAGES:
                found = GENERATED[found.name]
            elif found.parent == PAGES / 'images':
                found = ROOT / 'docs' / 'images' / found.name
        if found is None:
            assert not anchor or anchor.removeprefix('tfwolf-') in COMMANDS, (path, link)
            continue
        assert found.exists(), (name_of(path), link)
        assert not anchor or anchor in anchors(found), (name_of(path), link)


@pytest.mark.parametrize('path', FILES, ids=name_of)
def test_files_that_are_named_exist(path):
    """`gin/...`, `tests/...`, `tools/...` and `tfwolf/...` in the prose are files or folders."""
    for code in inline_code(path):
        if re.fullmatch(r'(?:gin|tests|tools|tfwolf|docs|examples|\.ci)/[\w./-]*', code):
            assert (ROOT / code).exists(), f'{name_of(path)}: {code}'


def test_every_page_is_in_the_navigation():
    def pages(entry):
        if isinstance(entry, str):
            return [entry]
        items = entry.values() if isinstance(entry, dict) else entry
        return [page for item in items for page in pages(item)]

    listed = pages(yaml.safe_load(CONFIG.read_text(encoding='utf-8'))['nav'])
    written = {path.relative_to(PAGES).as_posix() for path in PAGES.glob('**/*.md')}
    assert sorted(listed) == sorted(written | set(GENERATED))


def test_the_reference_has_every_public_name_once():
    listed = [
        name
        for path in PAGES.glob('api/*.md')
        for name in re.findall(r'^::: (\S+)$', path.read_text(encoding='utf-8'), re.MULTILINE)
    ]
    public = {f'tfwolf.{name}' for name in tfwolf.__all__ if name != '__version__'}
    assert len(listed) == len(set(listed))
    assert public == {name for name in listed if name.count('.') == 1}
    for name in listed:
        module, _, attribute = name.rpartition('.')
        if not _is_module(name):
            assert hasattr(importlib.import_module(module), attribute), name


def _is_module(name):
    return (ROOT / name.replace('.', '/')).with_suffix('.py').exists()


def test_the_architecture_lists_the_rooms_in_their_order():
    text = (PAGES / 'architecture.md').read_text(encoding='utf-8').split('Outside the rooms')[0]
    assert re.findall(r'^\| `tfwolf/(\w+)/` \|', text, re.MULTILINE) == ROOMS
    for room, content in re.findall(r'^\| `tfwolf/(\w+)/` \| (.*) \|$', text, re.MULTILINE):
        for module in re.findall(r'`(\w+)`', content):
            if module != 'given':
                assert (ROOT / 'tfwolf' / room / f'{module}.py').exists(), (room, module)


def test_the_table_of_systems_names_experiments():
    text = (PAGES / 'papers.md').read_text(encoding='utf-8')
    names = set(experiment_names())
    for pattern in re.findall(r'`((?:\w|[*{},])+)`', text.split('- **Wolf**')[0]):
        if not pattern.startswith('tfwolf'):
            found = {name for name in names if re.fullmatch(_as_regex(pattern), name)}
            assert found, f'no experiment is called {pattern}'


def _as_regex(pattern):
    choices = re.sub(r'\{(.*?)\}', lambda found: f'({found[1].replace(",", "|")})', pattern)
    return choices.replace('*', '.*')


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
                    assert hasattr(OPTIONS[command], flag), (command, flag)


def test_modules_that_moved_are_where_the_changelog_says():
    for earlier, now in rows('Modules have moved'):
        for group_then, group_now in zip(earlier.split('; '), now.split('; '), strict=True):
            names = [part.rpartition('.')[2] for part in re.findall(r'`(.*?)`', group_then)]
            first, *others = re.findall(r'`(.*?)`', group_now)
            room, _, module = first.rpartition('.')
            moved = names if group_now.endswith('...') else [module, *others]
            missing = [name for name in moved if not _is_module(f'{room}.{name}')]
            assert not missing, (group_now, missing)


def test_cheap_commands_run(capsys):
    for arguments in (['--help'], ['list', 'small'], ['train', '--help'], ['completion']):
        main(arguments)
        assert capsys.readouterr().out


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


@pytest.mark.slow
def test_the_pages_are_built_without_warnings(tmp_path):
    beside = pathlib.Path(sys.executable).with_name('mkdocs')
    mkdocs = str(beside) if beside.exists() else shutil.which('mkdocs')
    if mkdocs is None:
        pytest.skip('needs mkdocs (extra "docs"), next to the interpreter or on the PATH')
    done = subprocess.run(
        [mkdocs, 'build', '-f', str(CONFIG), '--strict', f'--site-dir={tmp_path / "site"}'],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    site = tmp_path / 'site'
    commands = (site / 'commands.html').read_text(encoding='utf-8')
    assert all(f'tfwolf {name}' in commands for name in COMMANDS) and '--gin_file=FILE' in commands
    assert 'glow_ablation_shuffle_affine' in (site / 'papers.html').read_text(encoding='utf-8')
    assert 'RefinedGlow' in (site / 'api' / 'flows.html').read_text(encoding='utf-8')
    for page in site.glob('**/*.html'):
        text = page.read_text(encoding='utf-8')
        # Nothing is loaded from the network.
        assert not re.findall(r'<(?:script|img|link)[^>]* (?:src|href)="?https?:', text), page
