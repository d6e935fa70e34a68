"""The package as a library: names are loaded when they are used, nothing claims flags, and the code
keeps its own limits.
"""

import ast
import pathlib
import subprocess
import sys

import pytest

import tfwolf

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_ARGUMENTS = 8
# Lines of a command, and of an entry point, which only names its command.
COMMAND_LINES, ENTRY_LINES = 160, 20
# Where constructors may take more: their arguments are the hyper-parameters of models.
MODELS = ('bijectors', 'flows', 'nets', 'distributions', 'models')

EVERY_MODULE = """
import importlib, pathlib, sys
from absl import flags
sys.path.insert(0, 'tools')
for path in sorted(pathlib.Path('.').glob('tfwolf/**/*.py')):
    # Needs JAX, and stands alone.
    if path.stem != 'load_with_jax':
        parts = path.parent.parts if path.name == '__init__.py' else path.with_suffix('').parts
        importlib.import_module('.'.join(parts))
for path in sorted(pathlib.Path('tools').glob('*.py')):
    importlib.import_module(path.stem)
tools = [path.stem for path in pathlib.Path('tools').glob('*.py')]
modules = flags.FLAGS.flags_by_module_dict()
print(sorted(name for name in modules if name.startswith('tfwolf') or name in tools))
for name in ('seed', 'debug', 'split', 'batch_size', 'checkpoint'):
    flags.DEFINE_integer(name, 1, '')
"""

A_PROGRAM = """
from absl import app, flags
import tfwolf
flags.DEFINE_integer('seed', 1, 'The seed of the user.')
flags.DEFINE_bool('debug', False, 'The debug of the user.')

def main(argv):
    run = tfwolf.load(argv[1])
    images = run.model.sample(2, seed=flags.FLAGS.seed)
    print(flags.FLAGS.seed, flags.FLAGS.debug, run.dataset.title, images.shape)

app.run(main)
"""


def run(*arguments):
    """Runs Python in the root; returns what it prints."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_module_can_be_imported_into_one_process_and_defines_no_flags():
    assert run('-c', EVERY_MODULE) == '[]'


def test_a_program_with_flags_of_its_own_uses_the_library(tiny_run, tmp_path):
    printed = run(
        '-c',
        f'import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv = ["program", '
        f'{str(tiny_run)!r}, "--seed=5", "--debug"]\n{A_PROGRAM}',
    )
    assert printed.splitlines()[-1] == '5 True digits (2, 8, 8, 1)'


def test_every_public_name_is_there_and_documented():
    for name in tfwolf.__all__:
        value = getattr(tfwolf, name)
        if name != '__version__':
            assert value.__name__ == name and value.__doc__, name
    assert set(tfwolf.__all__) <= set(dir(tfwolf))
    with pytest.raises(AttributeError, match='no attribute .nothing'):
        tfwolf.nothing  # noqa: B018


def test_commands_are_short_and_entry_points_shorter():
    long = [
        f'{path.relative_to(ROOT)} has {count} lines, at most {most}'
        for paths, most in (
            (ROOT.glob('tfwolf/commands/*.py'), COMMAND_LINES),
            ({*ROOT.glob('tools/*.py'), *ROOT.glob('tfwolf/*.py')}, ENTRY_LINES),
        )
        for path in paths
        if (count := len(path.read_text(encoding='utf-8').splitlines())) > most
        and path.name != '__init__.py'
    ]
    assert not long, '\n'.join(long)


def test_the_stub_names_what_is_loaded_lazily():
    stub = ast.parse((ROOT / 'tfwolf' / '__init__.pyi').read_text(encoding='utf-8'))
    named = {
        alias.asname: node.module
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert named == {name: f'tfwolf.{module}' for name, module in tfwolf._MODULE_OF.items()}


def functions(sources):
    """Yields (source, function, whether it is a constructor of a model) for every function of the
    library and the tools.
    """
    for source in sources:
        if source.module.split('.')[0] not in ('tfwolf', 'tools'):
            continue
        for node in ast.walk(ast.parse((ROOT / source.path).read_text(encoding='utf-8'))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield (
                    source,
                    node,
                    node.name == '__init__' and source.module.split('.')[1] in MODELS,
                )


def arguments_of(function):
    given = function.args
    return [
        argument
        for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)
        if argument.arg not in ('self', 'cls')
    ]


def test_no_function_takes_more_than_eight_arguments(sources):
    wrong = [
        f'{source.path}:{function.lineno} {function.name} takes {len(arguments_of(function))}'
        for source, function, makes_a_model in functions(sources)
        if not makes_a_model and len(arguments_of(function)) > MOST_ARGUMENTS
    ]
    assert not wrong, '\n'.join(wrong)


def test_public_functions_have_type_hints(sources):
    bare = []
    for source in sources:
        if source.module.split('.')[0] != 'tfwolf' or source.module.endswith('load_with_jax'):
            continue
        for owner in ast.walk(ast.parse((ROOT / source.path).read_text(encoding='utf-8'))):
            if not isinstance(owner, (ast.Module, ast.ClassDef)) or getattr(
                owner, 'name', ''
            ).startswith('_'):
                continue
            for function in owner.body:
                if isinstance(function, ast.FunctionDef) and (
                    not function.name.startswith('_') or function.name in ('__init__', '__call__')
                ):
                    hinted = all(argument.annotation for argument in arguments_of(function)) and (
                        function.returns or function.name == '__init__'
                    )
                    if not hinted:
                        bare.append(f'{source.path}:{function.lineno} {function.name}')
    assert not bare, '\n'.join(bare)
    assert (ROOT / 'tfwolf' / 'py.typed').exists()
