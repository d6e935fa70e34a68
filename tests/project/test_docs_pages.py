"""The pages of docs/: all in the navigation, complete, built without warnings and offline."""

import importlib
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from test_import_direction import ROOMS

import tfwolf
from support.documentation import GENERATED, PAGES, ROOT, is_module
from tfwolf.cli.catalog import COMMANDS
from tfwolf.runs.gin_files import experiment_names

CONFIG = ROOT / 'docs' / 'mkdocs.yml'


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
        if not is_module(name):
            assert hasattr(importlib.import_module(module), attribute), name


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
