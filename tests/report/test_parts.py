"""Parts of the report: failures are returned by name, and do not stop other parts."""

import json
import os
import sys

import pytest

from tfwolf.report import parts

# Stands for a tool: fails with the message --fail, else writes the result of `tfwolf switch`.
TOOL = """
import json, pathlib, sys
flags = dict(flag.lstrip('-').partition('=')[::2] for flag in sys.argv[2:])
if 'fail' in flags:
    sys.exit(f'some warning\\n\\nerror: {flags["fail"]}')
if 'crash' in flags:
    sys.exit(3)
folder = pathlib.Path(flags['output_dir'])
folder.mkdir(parents=True, exist_ok=True)
(folder / 'result.json').write_text(json.dumps({'num_pairs': 2, 'mean_change': 1.5}))
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return a folder, and let `program.py` in it stand for the real program."""
    (tmp_path / 'program.py').write_text(TOOL)
    monkeypatch.setattr(parts, 'PROGRAM', (sys.executable, str(tmp_path / 'program.py')))
    return tmp_path


def make(root, flags, again=False):
    """Make parts with flags; return the problems, and the problems after each part."""
    seen = []
    names = list(flags)
    out = str(root / 'out')
    return parts.make_parts(names, out, lambda name: flags[name], again, seen.append), seen


def test_failed_parts_are_returned_and_others_made(root, capfd):
    flags = {'switch': ['--fail=These images have no labels.'], 'switch_within_class': []}
    problems, seen = make(root, flags)
    assert problems == {'switch': 'These images have no labels.'}
    assert seen == [problems, problems] and 'some warning' in capfd.readouterr().err
    shown = parts.section_parts(str(root / 'out'), problems)
    titles = [(part.title, part.problem) for part in shown]
    assert titles == [
        ('Switch', 'These images have no labels.'),
        ('Switch within a class', None),
    ]
    assert [row.here for row in shown[1].rows] == ['2', '1.50 of 255']


def test_a_crash_is_a_problem_and_complete_parts_are_kept(root, capsys):
    assert make(root, {'switch': []}) == ({}, [{}])
    finished = root / 'out' / 'switch' / 'finished.json'
    before = finished.read_text()
    assert make(root, {'switch': []})[0] == {} and finished.read_text() == before
    assert 'switch: already made' in capsys.readouterr().out
    assert make(root, {'switch': []}, again=True)[0] == {}
    assert json.loads(finished.read_text())['seconds'] != json.loads(before)['seconds']
    assert make(root, {'switch': ['--crash']})[0] == {'switch': 'The tool ended with exit code 3.'}
    assert not finished.exists()


def test_plots_are_drawn_again_after_the_results_that_they_show(root):
    for seconds, name in enumerate(('plots', 'probe')):
        path = root / name / parts.FINISHED
        path.parent.mkdir()
        path.write_text('{}')
        os.utime(path, (seconds, seconds))
    assert parts.outdated('plots', str(root)) and not parts.outdated('probe', str(root))
    os.utime(root / 'plots' / parts.FINISHED, (2, 2))
    assert not parts.outdated('plots', str(root))
