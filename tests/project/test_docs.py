"""Commands, flags, gin bindings, names and links in the documentation are true."""

import re

import pytest

from support.documentation import (
    FILES,
    GENERATED,
    LINK,
    PAGES,
    ROOT,
    anchors,
    blocks,
    calls,
    client_flags,
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

# Flags of other programs.
OTHERS = {'ntasks-per-node', 'enable_batching', 'check', 'help'}
OPTIONS = {name: define(load_command(name)) for name in COMMANDS}


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


def test_cheap_commands_run(capsys):
    for arguments in (['--help'], ['list', 'small'], ['train', '--help'], ['completion']):
        main(arguments)
        assert capsys.readouterr().out
