"""Data flows one way: a module imports only from rooms below its own, and importing the package
loads nothing.
"""

import configparser
import graphlib
import pathlib
import subprocess
import sys

import pytest
import setuptools

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Rooms (folders of tfwolf/) from the bottom to the top; a room imports itself and those before it.
# Modules directly in tfwolf/ are the lazy names and entry points, which import the command line.
ROOMS = [
    'core',
    'data',
    'pictures',
    'plots',
    'nets',
    'bijectors',
    'flows',
    'distributions',
    'models',
    'coding',
    'analysis',
    'metrics',
    'evaluation',
    'training',
    'runs',
    'report',
    'reference',
    'serving',
    'explorer',
    'benchmark',
    'cli',
    'commands',
]
ORDER = [*ROOMS, 'entry points']


def room(module):
    """Returns the room of a module of tfwolf or tools."""
    top, *rest = module.split('.')
    is_room = top == 'tfwolf' and rest and (ROOT / 'tfwolf' / rest[0]).is_dir()
    return rest[0] if is_room else 'entry points'


@pytest.fixture(scope='module')
def library(sources):
    """Returns `{module: the modules of tfwolf and tools that it imports}` for the modules of tfwolf
    and tools.
    """
    return {
        source.module: {name for name in source.imports if is_ours(name)}
        for source in sources
        if is_ours(source.module)
    }


def is_ours(module):
    return module.split('.')[0] in ('tfwolf', 'tools')


def listing(title, lines):
    return '\n  '.join([title, *sorted(lines)])


def run(code):
    """Runs a line of Python in a fresh interpreter in the root, where `gin/` and `tools/` lie;
    returns what it prints.
    """
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_module_is_in_a_room(library):
    homeless = [module for module in library if room(module) is None]
    assert not homeless, listing(
        'in no block; add each to FOUNDATIONS, PACKAGES or ENTRIES of this test:', homeless
    )


def test_imported_modules_exist(library):
    missing = [
        f'{module} imports {name}'
        for module, names in library.items()
        for name in names - library.keys()
    ]
    assert not missing, listing('imports of modules that do not exist:', missing)


def test_imports_go_one_way(library):
    wrong = [
        f'{module} ({room(module)}) imports {name} ({room(name)})'
        for module, names in library.items()
        for name in names
        if name != 'tfwolf' and ORDER.index(room(name)) > ORDER.index(room(module))
    ]
    assert not wrong, listing(f'imports against the order {" < ".join(ORDER)}:', wrong)


def test_no_import_cycles(library):
    try:
        graphlib.TopologicalSorter(library).prepare()
    except graphlib.CycleError as error:
        pytest.fail(
            f'modules import each other in a circle: {" -> ".join(reversed(error.args[1]))}'
        )


def test_library_does_not_import_tests(sources):
    tests = {
        'tests',
        *(pathlib.Path(source.path).stem for source in sources if source.path.startswith('tests/')),
    }
    wrong = [
        f'{source.path} imports {name}'
        for source in sources
        if is_ours(source.module)
        for name in source.imports
        if name.split('.')[0] in tests
    ]
    assert not wrong, listing('imports of tests:', wrong)


def test_modules_are_named_for_what_they_hold(sources):
    vague = {'util', 'utils', 'misc', 'helper', 'helpers'}
    wrong = [source.path for source in sources if vague & {*source.module.split('.')}]
    assert not wrong, listing('names that say nothing:', wrong)


def test_package_loads_nothing():
    heavy = run(
        'import sys, tfwolf; print(*{"tensorflow", "keras", "tensorflow_probability", "numpy", '
        '"gin"} & {*sys.modules})'
    )
    assert heavy == '', f'`import tfwolf` loads {heavy}'


def test_gin_folder_does_not_hide_gin_config():
    python = [str(path.relative_to(ROOT)) for path in ROOT.glob('gin/**/*.py')]
    assert not python, listing(
        'gin/ is for .gin files; a Python file there can hide gin-config:', python
    )
    assert run('import importlib.util, gin; print(callable(gin.configurable))') == 'True'


def test_packages_to_install_are_those_of_tfwolf():
    setup = configparser.ConfigParser()
    setup.read(ROOT / 'setup.cfg')
    found = setuptools.find_packages(
        ROOT, include=setup['options.packages.find']['include'].split()
    )
    folders = {path.parent.relative_to(ROOT) for path in ROOT.glob('tfwolf/**/*.py')}
    assert sorted(found) == sorted('.'.join(folder.parts) for folder in folders)
