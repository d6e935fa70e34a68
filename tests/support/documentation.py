"""The README and the pages of docs/ as a test reads them: blocks of code, commands, links."""

import pathlib
import re
import shlex
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ROOT / 'docs' / 'pages'
FILES = [
    *(ROOT / name for name in ('README.md', 'CONTRIBUTING.md', 'CHANGELOG.md')),
    *sorted(PAGES.glob('**/*.md')),
]
FENCE = re.compile(r'^```(\w+)(?: title="(.*?)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)
INLINE = re.compile(r'`([^`]+)`')
LINK = re.compile(r'\]\(([^)\s]+)\)')
# `tfwolf train ...`, `python -m tfwolf train ...`, `python -m tfwolf.train ...`,
# `python tools/sample.py ...`, `python exported/digits/client.py ...`.
PROGRAM = re.compile(
    r'(?<![\w/.-])(?:tfwolf|python -m tfwolf|python -m tfwolf\.(?P<module>\w+)'
    r'|python tools/(?P<tool>\w+)\.py|python \S+/(?P<client>client)\.py)(?P<rest> .*|$)'
)
ENDS = {'&&', '||', '|', ';', '>', '#', '&'}


# Pages that docs/hooks.py makes, and the files that they are made of.
GENERATED = {
    'commands.md': None,
    'changelog.md': ROOT / 'CHANGELOG.md',
    'contributing.md': ROOT / 'CONTRIBUTING.md',
}


class Block(NamedTuple):
    """A fenced block: where it is ('README.md:12'), its language, its title and its text."""

    where: str
    language: str
    title: str
    text: str


class Call(NamedTuple):
    """A call of one of our programs.

    Attributes:
        where: file and line.
        program: 'tfwolf', 'client', or the path of an entry point such as 'tools/sample.py'.
        arguments: its arguments.
    """

    where: str
    program: str
    arguments: list


def name_of(path):
    """Return a path relative to the root."""
    return path.relative_to(ROOT).as_posix()


def blocks(path, *languages):
    """Return the `Block`s of some languages in a file."""
    text = path.read_text(encoding='utf-8')
    return [
        Block(f'{name_of(path)}:{text.count(chr(10), 0, found.start()) + 1}', *found.groups(''))
        for found in FENCE.finditer(text)
        if found[1] in languages
    ]


def prose(path):
    """Return the text of a file without its fenced blocks."""
    return FENCE.sub('', path.read_text(encoding='utf-8'))


def inline_code(path):
    """Return the pieces of code within the prose of a file, each on one line."""
    return [' '.join(found.split()) for found in INLINE.findall(prose(path))]


def calls(path):
    """Return the `Call`s in the blocks for a shell and in the prose of a file."""
    lines = [
        (block.where, line)
        for block in blocks(path, 'bash', 'yaml')
        for line in block.text.replace('\\\n', ' ').splitlines()
    ]
    lines += [(name_of(path), code) for code in inline_code(path)]
    return [call for where, line in lines for call in _calls(where, line)]


def _calls(where, line):
    for found in PROGRAM.finditer(line):
        program = 'tfwolf'
        if found['client']:
            program = 'client'
        elif found['module'] or found['tool']:
            folder = 'tfwolf' if found['module'] else 'tools'
            program = f'{folder}/{found["module"] or found["tool"]}.py'
        words = _words(found['rest'])
        # Placeholders, as in `tfwolf COMMAND --help` and `python tools/NAME.py`.
        if program != 'tools/NAME.py' and (words or program != 'tfwolf'):
            if not (words and words[0] == 'COMMAND'):
                yield Call(where, program, words)


def _words(text):
    """Return the words of a command up to the next one; it may itself be inside of quotes."""
    while True:
        try:
            words = shlex.split(text, comments=True)
            break
        except ValueError:
            text = text.rstrip()[:-1]
    end = next((i for i, word in enumerate(words) if word in ENDS), len(words))
    return [word.rstrip(';') for word in words[:end]]


def anchors(path):
    """Return the anchors of the headings of a page, as Markdown makes them."""
    from unicodedata import normalize

    found = set()
    for heading in re.findall(r'^#+ (.*)$', prose(path), re.MULTILINE):
        ascii_text = normalize('NFKD', heading).encode('ascii', 'ignore').decode()
        words = re.sub(r'[^\w\s-]', '', ascii_text).strip().lower()
        found.add(re.sub(r'[-\s]+', '-', words))
    return found


def client_flags():
    """Return the names of the flags of client.py."""
    files = (ROOT / 'tfwolf' / 'serving').glob('client*.py')
    return {
        flag for file in files for flag in re.findall(r"'--([a-z_]+)'", file.read_text('utf-8'))
    }


def is_module(name):
    """Return whether a dotted name is that of a module."""
    return (ROOT / name.replace('.', '/')).with_suffix('.py').exists()
