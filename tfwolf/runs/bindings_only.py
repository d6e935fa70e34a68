"""The configuration of a run is data: it binds parameters of registered parts, and nothing else.

A gin file can do more: import modules, include other files, and call whatever the program has
registered with gin. A run may come from a stranger, so its text is checked before gin reads it.
"""

from __future__ import annotations

import tokenize
from typing import Any

import gin.config
from gin import config_parser

from tfwolf.core.parts import is_registered
from tfwolf.training.run_directory import CONFIG

MACRO = 'gin.macro'
PLAIN = (str, bytes, bool, int, float, complex, type(None))
RULE = (
    'The configuration of a run is data: it may bind parameters of parts that are registered with '
    'tfwolf, and do nothing else. Nothing of it was used. If you trust the run, delete the line, '
    'and name the module of its parts with --plugin=MODULE.'
)


def check_bindings_only(text: str) -> None:
    """Check that the configuration of a run only binds values, registered parts and own macros.

    Args:
        text: gin text, exactly as gin will read it afterwards.

    Raises:
        ValueError: if it imports or includes something, refers to something that is registered with
            gin but not with tfwolf, or is not gin text; the message has the line.
    """
    references = _References()
    try:
        for statement in config_parser.ConfigParser(text, references):
            refused = _refused(statement) or next(iter(references.refused), None)
            if refused:
                raise ValueError(
                    f'{CONFIG} of the run, line {statement.location.line_num}: {refused!r} is not '
                    f'allowed there. {RULE}'
                )
    except (SyntaxError, tokenize.TokenError, RecursionError, MemoryError) as error:
        raise ValueError(
            f'{CONFIG} of the run is damaged, or was not written by tfwolf: {error}. Restore it '
            'from a backup.'
        ) from error


def forget_others() -> None:
    """Remove from gin's configuration what a run may not have, before its text is made.

    Gin files of the user may import modules, and may configure other programs. The values that the
    run was made with do not need them; who loads it names modules with --plugin.
    """
    state = gin.config
    state._IMPORTS.clear()
    for scope, selector in list(state._CONFIG):
        if selector != MACRO and not is_registered(state._REGISTRY[selector].wrapper):
            del state._CONFIG[scope, selector]


def _refused(statement: Any) -> str | None:
    """Return the text of a statement that a run may not contain, else None."""
    if isinstance(statement, config_parser.ImportStatement):
        return statement.format()
    if isinstance(statement, config_parser.IncludeStatement):
        return f'include {statement.filename}'
    return None


class _References(config_parser.ParserDelegate):
    """Collects references that are not allowed; what gin does not know at all it reports itself."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> str:
        name = scoped_configurable_name.rpartition('/')[2]
        found = gin.config._REGISTRY.get_all_matches(name)
        if not all(is_registered(configurable.wrapper) for configurable in found):
            self.refused.append(f'@{scoped_configurable_name}')
        return scoped_configurable_name

    def macro(self, scoped_macro_name: str) -> str:
        constants = gin.config._CONSTANTS.get_all_matches(scoped_macro_name)
        if not all(isinstance(constant, PLAIN) for constant in constants):
            self.refused.append(f'%{scoped_macro_name}')
        return scoped_macro_name
