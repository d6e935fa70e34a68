"""How wide texts are in the font of the plots, and line breaks that keep them narrow."""

from __future__ import annotations

import functools


def text_width(text: str, size: float) -> float:
    """Return the width of the longest line of a text.

    Args:
        text: with lines.
        size: of the font; the width is in its unit.
    """
    return size * max(_line_width(line) for line in text.split('\n'))


def wrapped(text: str, size: float, width: float) -> str:
    """Return a text with line breaks between words, so that lines are no wider than `width`.

    A single word that is wider has a line of its own.

    Args:
        text: with lines.
        size, width: in the same unit.
    """
    lines = []
    for line in text.split('\n'):
        line, *words = line.split(' ')
        for word in words:
            if text_width(f'{line} {word}', size) <= width:
                line = f'{line} {word}'
            else:
                lines.append(line)
                line = word
        lines.append(line)
    return '\n'.join(lines)


@functools.lru_cache(maxsize=4096)
def _line_width(line: str) -> float:
    """Return the width of a line in a font of size 1."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    # Of size 100: hinting rounds small sizes.
    font = FontProperties(family='DejaVu Sans', size=100)
    return text_to_path.get_text_width_height_descent(line, font, ismath=False)[0] / 100
