"""BUILD names every source file and every test once, and its dependencies are those of the imports."""

import ast
import collections
import graphlib
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ('py_library', 'py_binary', 'py_test')

Target = collections.namedtuple('Target', 'rule name label srcs deps')


@pytest.fixture(scope='module')
def targets():
    """Returns the targets of BUILD, which is a list of calls `rule(name=..., srcs=[...],
    deps=[...])` of literals.
    """
    found = []
    for statement in ast.parse((ROOT / 'BUILD').read_text(encoding='utf-8'), 'BUILD').body:
        call = statement.value
        assert call.func.id in RULES, f'BUILD:{statement.lineno}: unknown rule {call.func.id}'
        fields = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
        found.append(
            Target(
                call.func.id,
                fields['name'],
                ':' + fields['name'],
                fields['srcs'],
                fields.get('deps', []),
            )
        )
    return found


def listing(title, lines):
    return '\n  '.join([title, *sorted(lines)])


def check_each_once(expected, named, where):
    """Fails unless each of the `expected` names occurs once in `named`, which may hold others."""
    counts = collections.Counter(named)
    missing = [name for name in expected if not counts[name]]
    repeated = [name for name in expected if counts[name] > 1]
    assert not missing, listing(f'not in BUILD; add each to {where}:', missing)
    assert not repeated, listing('more than once in BUILD:', repeated)


def test_every_source_is_in_one_target(targets, sources):
    paths = [source.path for source in sources if not source.path.startswith('tests/test_')]
    check_each_once(
        paths,
        [src for target in targets for src in target.srcs if target.rule != 'py_test'],
        'the py_library of its block or to a py_binary',
    )


def test_every_test_is_in_one_py_test(targets, sources):
    paths = [source.path for source in sources if source.path.startswith('tests/test_')]
    check_each_once(
        paths,
        [src for target in targets for src in target.srcs if target.rule == 'py_test'],
        'a py_test of its own',
    )
    crowded = [
        target.name for target in targets if target.rule == 'py_test' and len(target.srcs) != 1
    ]
    assert not crowded, listing('py_test targets with other than one file:', crowded)


def test_every_named_source_exists(targets):
    gone = [
        f'{src} (in {target.name})'
        for target in targets
        for src in target.srcs
        if not (ROOT / src).is_file()
    ]
    assert not gone, listing('in BUILD, but not in the repository:', gone)


def test_target_names_are_unique(targets):
    names = [target.name for target in targets]
    check_each_once(set(names), names, 'a target')


def test_dependencies_exist(targets):
    labels = {target.label for target in targets}
    gone = [
        f'{dep} (in {target.name})'
        for target in targets
        for dep in target.deps
        if dep not in labels
    ]
    assert not gone, listing('dependencies in BUILD that are no targets:', gone)


def test_dependencies_have_no_cycle(targets):
    try:
        graphlib.TopologicalSorter({target.label: target.deps for target in targets}).prepare()
    except graphlib.CycleError as error:
        pytest.fail(
            f'targets in BUILD depend on each other: {" -> ".join(reversed(error.args[1]))}'
        )


def test_dependencies_cover_the_imports(targets, sources):
    source_of = {source.path: source for source in sources}
    owner = {
        source_of[src].module: target.label
        for target in targets
        for src in target.srcs
        if src in source_of
    }
    lacking = {
        f'{target.name} needs {owner[name]}: {src} imports {name}'
        for target in targets
        for src in target.srcs
        if src in source_of
        for name in source_of[src].imports
        if name in owner and owner[name] not in reachable(target.label, targets)
    }
    assert not lacking, listing('dependencies that BUILD lacks:', lacking)


def reachable(label, targets):
    """Returns the labels of the target and of all that it depends on."""
    deps = {target.label: target.deps for target in targets}
    reached, pending = set(), [label]
    while pending:
        label = pending.pop()
        if label not in reached:
            reached.add(label)
            pending += deps.get(label, [])
    return reached
