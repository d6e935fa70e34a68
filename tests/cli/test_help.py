"""What a user meets first: help, lists, typos. All of it answers without importing TensorFlow."""

import os
import pathlib
import subprocess
import sys

import pytest

from tfwolf.cli import gin_check
from tfwolf.cli.catalog import COMMANDS, GROUPS, load_command
from tfwolf.cli.main import define
from tfwolf.core import choices
from tfwolf.core.parts import registered_names
from tfwolf.runs import configuration  # noqa: F401  (registers the parts)
from tfwolf.runs.gin_files import experiment_names, read_header

ROOT = pathlib.Path(__file__).resolve().parents[2]
WITHOUT_TENSORFLOW = """
import sys
from tfwolf.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print(*sorted({'tensorflow', 'keras', 'sklearn'} & {*sys.modules}), file=sys.stderr)
"""


def light(*arguments, cwd=ROOT):
    """Runs `tfwolf ARGUMENTS`; returns (exit code, stdout, stderr), after checking that TensorFlow
    was not imported.
    """
    done = subprocess.run(
        [sys.executable, '-c', WITHOUT_TENSORFLOW, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
    )
    *printed, loaded = done.stderr.splitlines() or ['']
    assert loaded == '', loaded
    return done.returncode, done.stdout, '\n'.join(printed)


def test_the_overview_lists_every_command():
    for arguments in ((), ('--help',), ('help',)):
        code, printed, _ = light(*arguments)
        assert code == 0
        for name in COMMANDS:
            assert f'\n  {name} ' in printed
        assert all(f'\n{title}:\n' in printed for title in GROUPS)
    assert {command.group for command in COMMANDS.values()} == set(GROUPS)


@pytest.mark.parametrize('name', COMMANDS)
def test_help_shows_every_flag_in_groups_with_an_example(name, tmp_path):
    # From another folder, as an installed program.
    code, printed, _ = light(name, '--help', cwd=tmp_path)
    assert code == 0 and f'tfwolf {load_command(name).EXAMPLES[0]}' in printed
    for title, described in define(load_command(name)).groups.items():
        assert f'\n{title}:\n' in printed
        for flag in described:
            assert not flag.meaning[0].islower() and flag.meaning.endswith('.'), flag
            shown = f'--{flag.name}=' if flag.value else f'--[no]{flag.name}'
            assert f'\n  {shown}' in printed, flag.name
    assert max(map(len, printed.split('\nUsage', 1)[1].split('\n\n', 2)[2].splitlines())) <= 80


@pytest.mark.parametrize(
    'entry',
    [
        *(['-m', f'tfwolf.{path.stem}'] for path in ROOT.glob('tfwolf/[a-z]*.py')),
        *([f'tools/{path.name}'] for path in ROOT.glob('tools/*.py')),
    ],
    ids=lambda entry: entry[-1],
)
def test_entry_points_of_earlier_versions_work(entry):
    done = subprocess.run(
        [sys.executable, *entry, '--help'], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and '\nExamples:\n' in done.stdout, done.stderr


def test_examples_have_flags_that_exist():
    for name in COMMANDS:
        for example in load_command(name).EXAMPLES:
            known = {
                flag.name
                for described in define(load_command(name)).groups.values()
                for flag in described
            }
            used = {
                word.partition('=')[0].removeprefix('--')
                for word in example.split()
                if word.startswith('--')
            }
            missing = {flag for flag in used - known if flag.removeprefix('no') not in known}
            assert example.split()[0] == name and not missing, (example, missing)


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['trian'], "There is no command 'trian'. Did you mean 'train'?"),
        (['train', '--trian_dir=x'], "Unknown flag --trian_dir. Did you mean 'train_dir'?"),
        (['train', '--noresme'], "Unknown flag --noresme. Did you mean 'resume'?"),
        (['train', '--max_steps=0'], 'flag --max_steps=0'),
        (['train', '--strategy=none'], 'value should be one of <auto|one_device'),
        (['train', 'digts', '--train_dir=x'], "Did you mean 'digits'?"),
        (['train', 'digits', 'cifar10'], "Unexpected argument 'cifar10'"),
        (['evaluate', 'a', '--train_dir=b'], "Give 'a' or --train_dir, not both."),
        (
            ['sample', '--pretrained=digts'],
            "There is no pretrained model 'digts'. Did you mean 'digits'? Available: ",
        ),
        (['explore', 'pretrained:digts'], "There is no pretrained model 'digts'."),
        (
            ['evaluate', '--train_dir=a', '--pretrained=digits'],
            'Give --train_dir or --pretrained, not both; got --train_dir=a and --pretrained=digits',
        ),
        (
            ['train', 'digits', '--gin_param=RefinedGlow.num_step = 1'],
            "'RefinedGlow' has no parameter 'num_step'. Did you mean 'num_steps'?",
        ),
        (
            ['train', 'digits', '--gin_param=RefinedGlw.num_steps = 1'],
            "there is no part 'RefinedGlw' that gin files may configure. "
            "Did you mean 'RefinedGlow'?",
        ),
        (
            ['train', 'digits', '--gin_param=train.batchsize = 1'],
            "'train' has no parameter 'batchsize'. Did you mean 'batch_size'?",
        ),
    ],
)
def test_typos_are_answered_at_once_with_a_suggestion(arguments, message):
    code, _, printed = light(*arguments)
    assert code == 2 and message in printed and 'Traceback' not in printed, printed
    assert '--help' in printed


def test_names_known_without_tensorflow_are_the_registered_ones():
    """The check of gin names reads the source; it must find what `register` registers."""
    activations = {'elu', 'relu'}
    assert set(gin_check.known_parts()) == set(registered_names()) - activations


def test_every_shipped_experiment_passes_the_check_of_names():
    gin_check.check_names(experiment_names(), ['train.batch_size = 3', 'macro = 3'])


def test_list_shows_every_experiment_with_size_data_and_paper():
    code, printed, _ = light('list')
    assert code == 0
    assert len([line for line in printed.splitlines() if line.split()[0:1]]) >= len(
        experiment_names()
    )
    line = next(line for line in printed.splitlines() if line.startswith('cifar10 '))
    assert line.split() == ['cifar10', '51,860,457', 'tfds:cifar10', '3.27', 'bits/dim']
    for name in experiment_names():
        header = read_header(name)
        assert header.title and header.data and header.parameters, name
    code, printed, _ = light('list', 'small')
    assert 'cifar10_small' in printed and '\ncifar10 ' not in printed
    assert light('list', 'nothing')[0] == 2


def test_completion_is_a_script_that_bash_accepts(tmp_path):
    code, printed, _ = light('completion', 'bash')
    assert code == 0 and '--train_dir=' in printed and 'cifar10_small' in printed
    script = tmp_path / 'completion'
    script.write_text(
        f'{printed}\nCOMP_WORDS=(tfwolf train --max); COMP_CWORD=2; _tfwolf; echo "$COMPREPLY"'
    )
    done = subprocess.run(['bash', str(script)], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == '--max_steps=', done.stderr


def test_choices_are_those_of_the_rooms():
    """Help lists the parts of the report and of `latents` without importing their rooms."""
    from tfwolf.cli.latent_parts import PARTS
    from tfwolf.report.parts import SECTIONS

    assert choices.REPORT_PARTS == tuple(SECTIONS) and choices.LATENT_PARTS == tuple(PARTS)
