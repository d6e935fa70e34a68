"""Read gin files: where includes are searched, their encoding, and errors with file and line."""

from __future__ import annotations

import contextlib
import io
import os
import re
import tokenize
from collections.abc import Iterator, Sequence

import gin
import gin.config

from tfwolf.core.messages import did_you_mean
from tfwolf.core.parts import registered_names
from tfwolf.runs.gin_files import SHIPPED, experiment_names, read_gin_text

# Folders that a file may name its include relative to, after its own: `include 'cifar10.gin'`,
# 'includes/wolf.gin' and 'gin/cifar10.gin' are the shipped files everywhere.
SHIPPED_FOLDERS = (str(SHIPPED), str(SHIPPED.parent))


@contextlib.contextmanager
def own_rules(folders: Sequence[str]) -> Iterator[None]:
    """Let gin read files by this module's rules within a `with` block.

    An include is searched in the folder of the file that includes it, in `folders`, in the working
    directory and among the shipped files.

    Args:
        folders: folders in which includes are searched.
    """
    state = gin.config
    prefixes, readers = list(state._LOCATION_PREFIXES), list(state._FILE_READERS)
    opened: list[str] = []

    @contextlib.contextmanager
    def opening(path: str) -> Iterator[io.StringIO]:
        path = os.path.abspath(path)
        if path in opened:
            raise ValueError(f'{path} includes itself.')
        file = _NamedText(read_gin_text(path), path)
        opened.append(path)
        state._LOCATION_PREFIXES.insert(0, os.path.dirname(path))
        try:
            yield file
        except (SyntaxError, tokenize.TokenError) as error:
            raise ValueError(_syntax_error(error, path)) from error
        finally:
            state._LOCATION_PREFIXES.pop(0)
            opened.pop()

    try:
        state._LOCATION_PREFIXES[:] = [*folders, '', *SHIPPED_FOLDERS]
        # gin declares the type of Python's `open`. Other readers are the user's.
        state._FILE_READERS[:] = [(opening, os.path.isfile), *readers]  # pyright: ignore
        yield
    finally:
        state._LOCATION_PREFIXES[:], state._FILE_READERS[:] = prefixes, readers


def parse_binding(text: str) -> None:
    """Let gin read a text that was not in a file, such as that of --gin_param.

    Raises:
        ValueError: with the text, if it is not gin text; other errors are those of gin.
    """
    try:
        gin.parse_config(text)
    except (SyntaxError, tokenize.TokenError) as error:
        raise ValueError(_syntax_error(error, f'binding {text!r}')) from error


def advice(message: str) -> str:
    """Return a message of gin with advice on a name that it does not know."""
    missing = re.match(r'Unable to open file: (.*?)\. Searched config paths: \[(.*?)\]\.', message)
    if missing:
        folders = dict.fromkeys(
            repr(os.path.abspath(folder)) for folder in re.findall(r"'(.*?)'", missing[2])
        )
        hint = did_you_mean(os.path.basename(missing[1]).removesuffix('.gin'), experiment_names())
        return (
            f'There is no gin file {missing[1]!r} to include.{hint} It was searched in '
            f'{", ".join(folders)}.{message[missing.end() :]}'
        )
    unknown = re.search(r"No configurable matching (?:reference )?'@?(?:\S+/)?(\w+)", message)
    if unknown:
        hint = did_you_mean(unknown[1], registered_names()).strip()
        hint = f'{hint} ' if hint else ''
        return (
            f'{message}\n{hint}Import the module of a custom part first, or name it with --plugin.'
        )
    return message


def _syntax_error(error: SyntaxError | tokenize.TokenError, where: str) -> str:
    """Return what is wrong with a gin text, with its line.

    Args:
        error: what the parser raised.
        where: the file, or the flag.
    """
    if isinstance(error, SyntaxError):
        reason, line, text = error.msg, error.lineno, (error.text or '').strip()
    else:
        reason, (line, _), text = error.args[0], error.args[1], ''
    unquoted = re.search(r"Failed to parse token '(.*)'", reason)
    if unquoted:
        value = text.partition('=')[2].strip() or unquoted[1]
        reason = f'{unquoted[1]!r} is not a value. Texts are written in quotes, such as {value!r}'
    return f'{where}, line {line}: {reason.strip().rstrip(".")}.' + (
        f'\n    {text}' if text else ''
    )


class _NamedText(io.StringIO):
    """A text that gin reads like a file of that name."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name
