"""BUILD is valid, has every file in one target, and depends between rooms as the imports do."""

import ast
import collections
import graphlib
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Shared by all test targets, as their main program.
RUNNER = 'tests/run_room.py'

Target = collections.namedtuple('Target', 'rule name srcs data deps')


def glob(include, exclude=(), allow_empty=False):
    """Does what Bazel's `glob` does, in the root."""

    def matches(patterns):
        return {
            path.relative_to(ROOT).as_posix()
            for pattern in patterns
            for path in ROOT.glob(f'{pattern}/*' if pattern.endswith('/**') else pattern)
            if path.is_file() and '__pycache__' not in path.parts
        }

    found = matches(include) - matches(exclude)
    assert found or allow_empty, f'no file matches {include}'
    return sorted(found)


@pytest.fixture(scope='module')
def targets():
    """Returns the targets of BUILD, whose Starlark is run as Python with rules that record them."""
    text = (ROOT / 'BUILD').read_text(encoding='utf-8')
    found, loaded = [], []

    def rule(kind):
        def make(name, srcs, data=(), deps=(), testonly=False, main=None, args=()):
            assert main is None or main in srcs, f'{name}: main must be in srcs'
            found.append(Target(kind, name, srcs, data, deps))

        return make

    rules = {kind: rule(kind) for kind in ('py_library', 'py_binary', 'py_test')}
    exec(
        compile(ast.parse(text, 'BUILD'), 'BUILD', 'exec'),
        {
            '__builtins__': {'len': len},
            'load': lambda source, *names: loaded.extend((source, name) for name in names),
            'package': lambda default_visibility: None,
            'glob': glob,
            **rules,
        },
    )
    assert set(loaded) == {('@rules_python//python:defs.bzl', name) for name in rules}
    assert len(text.splitlines()) <= 150
    return found


def listing(title, lines):
    return '\n  '.join([title, *sorted(lines)])


def test_labels_are_unique_and_dependencies_exist(targets):
    names = [target.name for target in targets]
    assert len(names) == len(set(names)), collections.Counter(names).most_common(3)
    gone = [
        f'{target.name}: {dep}'
        for target in targets
        for dep in target.deps
        if dep.removeprefix(':') not in names
    ]
    assert not gone, listing('dependencies that are no targets:', gone)


def test_every_file_is_in_exactly_one_target(targets, sources):
    counts = collections.Counter(
        source for target in targets for source in target.srcs if source != RUNNER
    )
    paths = {source.path for source in sources} - {RUNNER}
    assert paths == set(counts), listing('in one of the two only:', paths ^ set(counts))
    assert max(counts.values()) == 1, listing(
        'in more than one target:', [path for path, count in counts.items() if count > 1]
    )


def test_package_data_are_in_a_target(targets):
    """What a wheel carries besides Python files is what the targets carry."""
    named = {path for target in targets for path in target.data}
    files = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.glob('tfwolf/**/*')
        if path.is_file()
        and path.suffix not in ('.py', '.pyc')
        and not path.relative_to(ROOT).as_posix().startswith('tfwolf/gin/')
    }
    assert files <= named, listing('in no target:', files - named)


def test_dependencies_between_rooms_are_those_of_the_imports(targets, sources):
    room_of = {
        source: target.name
        for target in targets
        if target.rule == 'py_library'
        for source in target.srcs
    }
    path_of = {source.module: source.path for source in sources}
    imported = collections.defaultdict(set)
    for source in sources:
        room = room_of.get(source.path)
        if room and source.path.startswith('tfwolf/'):
            imported[room] |= {
                room_of[path_of[name]]
                for name in source.imports
                if path_of.get(name) in room_of and name != 'tfwolf'
            } - {room}
    for target in targets:
        if target.name in imported and target.name != 'tfwolf':
            stated = {dep.removeprefix(':') for dep in target.deps}
            assert stated == imported[target.name], (target.name, stated ^ imported[target.name])
    order = graphlib.TopologicalSorter(
        {target.name: [dep.removeprefix(':') for dep in target.deps] for target in targets}
    )
    order.prepare()
