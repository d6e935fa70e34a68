"""An extension of griffe: examples (`>>>`) and references in docstrings as Markdown."""

import re
import textwrap

import griffe

EXAMPLE = re.compile(r'^(?: *)>>> .*(?:\n(?! *\n).+)*', re.MULTILINE)
REFERENCE = re.compile(r'^( *)References?: (.*(?:\n *\S.*)*)', re.MULTILINE)


class DocstringMarkdown(griffe.Extension):
    """Fence examples, which Markdown would read as quotes; write references as paragraphs."""

    def on_object(self, *, obj: griffe.Object, **_) -> None:
        """Change the docstring of an object, before it is parsed."""
        if obj.docstring:
            text = EXAMPLE.sub(_fenced, obj.docstring.value)
            obj.docstring.value = REFERENCE.sub(_paragraph, text)


def _fenced(match: re.Match) -> str:
    indent = re.match(' *', match[0])[0]
    return f'{indent}```pycon\n{match[0]}\n{indent}```'


def _paragraph(match: re.Match) -> str:
    lines = textwrap.dedent(match[2]).splitlines()
    return f'{match[1]}**Reference:** {" ".join(line.strip() for line in lines)}'
