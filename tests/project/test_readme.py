"""The README is short, and what it says about models is what headers and measured results say."""

import itertools
import re

from support.documentation import PAGES, ROOT, blocks, calls
from tfwolf.runs.gin_files import read_header

README = ROOT / 'README.md'
MOST_BYTES = 7_000
NUMBER = re.compile(r'\d+\.\d+')


def tables():
    """Return the rows of the tables of models and of speed, a list of cells each."""
    lines = README.read_text(encoding='utf-8').splitlines()
    found = [
        [line for line in of_table if line[:2] == '| '][1:]
        for is_table, of_table in itertools.groupby(lines, lambda line: line[:1] == '|')
        if is_table
    ]
    models, speed = [
        [[cell.strip() for cell in line.strip('|').split('|')] for line in rows] for rows in found
    ]
    return models, speed


def test_the_readme_is_short():
    assert len(README.read_bytes()) <= MOST_BYTES


def test_the_first_commands_need_only_a_clone():
    """Continuous integration runs the first command and the last one in a fresh clone."""
    first, *_, tests = (block.text.strip() for block in blocks(README, 'bash'))
    assert first == (
        'python3 -m venv .venv && . .venv/bin/activate && pip install . && '
        'tfwolf train digits --train_dir=runs/digits'
    )
    assert tests == (
        "python3 -m venv .venv && . .venv/bin/activate && pip install -e '.[test]' && pytest"
    )
    assert calls(README)[0].arguments == ['train', 'digits', '--train_dir=runs/digits']


def test_the_picture_is_there_and_small():
    picture = ROOT / 'docs' / 'images' / 'switch.png'
    assert '](docs/images/switch.png)' in README.read_text(encoding='utf-8')
    assert picture.read_bytes()[:4] == b'\x89PNG' and picture.stat().st_size < 500_000


def test_numbers_of_the_table_are_those_of_headers_and_results():
    results = (PAGES / 'results.md').read_text(encoding='utf-8')
    rows, _ = tables()
    assert len(rows) >= 8
    for model, name, parameters, paper, measured in rows:
        header = read_header(name.strip('`'))
        assert parameters == header.parameters or f'{name} | {parameters}' in results, model
        assert paper == '-' or header.paper.startswith(f'{paper} '), model
        for number in NUMBER.findall(measured):
            assert number in results, f'{model}: results.md has no {number}'


def test_numbers_of_speed_are_those_of_the_page():
    page = (PAGES / 'performance.md').read_text(encoding='utf-8').splitlines()
    _, rows = tables()
    assert len(rows) >= 3
    for _, *cells in rows:
        assert any(all(f'| {cell} |' in line for cell in filter(None, cells)) for line in page)


def test_the_citation_is_the_paper():
    (entry,) = blocks(README, 'bibtex')
    assert 'Decoupling Global and Local Representations via Invertible Generative' in entry.text
    assert '2004.11820' in entry.text
