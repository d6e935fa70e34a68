"""Every flag with a path expands `~`, and printed commands can be pasted into a shell."""

import shlex
import subprocess

import pytest

from tfwolf.cli import program
from tfwolf.cli.catalog import COMMANDS, load_command
from tfwolf.cli.main import define

PLACEHOLDERS = ('FOLDER', 'FILE', 'PATH')
# Of these `find_gin_file` expands it, since they may be names.
NAMES = ('gin_file',)
WORDS = (
    *('a b', "it's", 'a"b', '$HOME', '`id`', 'a\\b', 'a!b', ''),
    *('~', '*', 'ä', 'a\nb', '; id', '-x'),
)


@pytest.mark.parametrize('name', COMMANDS)
def test_home_is_expanded_in_every_path(name, monkeypatch):
    monkeypatch.setenv('HOME', '/home/user')
    described = [flag for group in define(load_command(name)).groups.values() for flag in group]
    for flag in described:
        if flag.value in PLACEHOLDERS and flag.name not in NAMES:
            options = define(load_command(name))
            options.parse([f'--{flag.name}=~/a b'])
            assert getattr(options, flag.name) == '/home/user/a b', flag.name
            assert options.as_arguments(flag.name) == [f'--{flag.name}=/home/user/a b']
            assert options.chosen(flag.name) == {flag.name: '/home/user/a b'}


@pytest.mark.parametrize('word', WORDS)
def test_printed_commands_can_be_pasted(word):
    line = program.shell_line('printf', '%s|', word, f'--train_dir={word}')
    assert shlex.split(line) == ['printf', '%s|', word, f'--train_dir={word}']
    done = subprocess.run(['bash', '-c', line], capture_output=True, text=True, check=True)
    assert done.stdout == f'{word}|--train_dir={word}|'
    assert shlex.split(program.command_line('evaluate', f'--train_dir={word}'))[-1].endswith(word)
