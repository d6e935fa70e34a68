"""Text files with placeholders, which are data of the package."""

from __future__ import annotations

import pathlib
import string

FOLDER = pathlib.Path(__file__).with_name('templates')


def fill(template: str, /, **values: str | int) -> str:
    """Return the text of a template with its placeholders `$name` replaced.

    Args:
        template: file name in the folder `templates`.
        **values: value of each placeholder.
    """
    return string.Template((FOLDER / template).read_text(encoding='utf-8')).substitute(values)
