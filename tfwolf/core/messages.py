"""Parts of messages for people."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def first_line(error: BaseException) -> str:
    """Returns the first line of the text of an error, or the name of its type if it has no text."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Returns ` Did you mean 'x'?` for the known word that is most like `word`, or '' if none is."""
    close = difflib.get_close_matches(word, list(known), n=1) if isinstance(word, str) else []
    return f' Did you mean {close[0]!r}?' if close else ''
