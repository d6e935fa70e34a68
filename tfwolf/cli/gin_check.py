"""A check of the names in gin bindings without TensorFlow, so that a typo is answered at once.

The parts that gin files may name are found in the source of the package: classes and functions with
the decorator `register`. What is not certain here is left to the real parser.
"""

from __future__ import annotations

import ast
import pathlib
from collections.abc import Sequence

from gin import config_parser

from tfwolf.core.messages import did_you_mean
from tfwolf.runs.gin_files import find_gin_file, read_gin_text

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
# Rooms in which parts are registered.
ROOMS = (
    'core',
    'data',
    'nets',
    'bijectors',
    'flows',
    'distributions',
    'models',
    'evaluation',
    'training',
    'runs',
)


def check_names(files: Sequence[str], params: Sequence[str]) -> None:
    """Check the names of parts and parameters in gin files and bindings.

    Args:
        files: paths of gin files or names of shipped ones.
        params: bindings.

    Raises:
        ValueError: if a file is missing, or a part or a parameter is unknown.
    """
    parts = known_parts()
    for file in files:
        path = pathlib.Path(find_gin_file(file))
        _check_text(read_gin_text(path), parts, str(path))
    for param in params:
        _check_text(param, parts, f'--gin_param="{param}"')


def _check_text(text: str, parts: dict[str, set[str] | None], where: str) -> None:
    try:
        parser = config_parser.ConfigParser(text, _Anything())
        bindings = [part for part in parser if isinstance(part, config_parser.BindingStatement)]
    except Exception:  # a syntax error, which the real parser reports
        return
    for binding in bindings:
        part, parameter = binding.selector.removeprefix('tfwolf.'), binding.arg_name
        if not parameter or '.' in part:
            continue
        if part not in parts:
            raise ValueError(
                f'{where}: there is no part {part!r} that gin files may configure.'
                f'{did_you_mean(part, parts)} Register your own part with --plugin.'
            )
        known = parts[part]
        if known is not None and parameter not in known:
            raise ValueError(
                f'{where}: {part!r} has no parameter {parameter!r}.'
                f'{did_you_mean(parameter, known)} It has: {", ".join(sorted(known))}.'
            )


class _Anything(config_parser.ParserDelegate):
    """Accepts every reference and macro."""

    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> str:
        return scoped_configurable_name

    def macro(self, scoped_macro_name: str) -> str:
        return scoped_macro_name


def known_parts() -> dict[str, set[str] | None]:
    """Return `{name of a part: names of its parameters}`; None where they cannot be told."""
    parts: dict[str, set[str] | None] = {}
    for room in ROOMS:
        for path in sorted((PACKAGE / room).glob('*.py')):
            text = path.read_text(encoding='utf-8')
            if '@register' in text:
                parts.update(_parts_of(ast.parse(text)))
    return parts


def _parts_of(module: ast.Module) -> dict[str, set[str] | None]:
    found = {}
    for node in module.body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            continue
        for decorator in node.decorator_list:
            call = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(call, ast.Name) and call.id == 'register':
                names = {
                    keyword.arg: ast.literal_eval(keyword.value)
                    for keyword in getattr(decorator, 'keywords', ())
                }
                found[names.get('name', node.name)] = _parameters(node)
    return found


def _parameters(node: ast.ClassDef | ast.FunctionDef) -> set[str] | None:
    if isinstance(node, ast.ClassDef):
        init = next(
            (
                item
                for item in node.body
                if isinstance(item, ast.FunctionDef) and item.name == '__init__'
            ),
            None,
        )
        if init is None:
            is_dataclass = any('dataclass' in ast.unparse(item) for item in node.decorator_list)
            fields = {
                item.target.id
                for item in node.body
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
            }
            return fields if is_dataclass and not node.bases else None
        node = init
    arguments = node.args
    if arguments.kwarg:
        return None
    named = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    return {argument.arg for argument in named} - {'self'}
