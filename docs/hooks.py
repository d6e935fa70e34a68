"""Pages of the documentation that are made when it is built, so that they are never out of date.

- `commands.md`: the help of every command.
- `changelog.md` and `contributing.md`: the files of that name at the top of the repository.
- `images/`: the pictures, which the README shows, too.
- The line `<!-- experiments -->` in a page becomes the table of the shipped experiments.
- `::: tfwolf.NAME` of a public name becomes the reference of the module that defines it.

The help and the headers of gin files need neither TensorFlow nor the other packages of tfwolf.
"""

import importlib.util
import pathlib
import re
import sys
from unittest import mock

from mkdocs.structure.files import File

DOCS = pathlib.Path(__file__).resolve().parent
ROOT = DOCS.parent
# Imported by modules of commands; their help does not use them.
UNUSED = ('absl', 'numpy')
TOP_LEVEL = ('CHANGELOG.md', 'CONTRIBUTING.md')
EXPERIMENTS = '<!-- experiments -->'
REFERENCE = re.compile(r'^::: tfwolf\.(\w+)$', re.MULTILINE)


def on_config(config):
    """Make the package importable, also without its dependencies."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    for name in UNUSED:
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            sys.modules[name] = mock.MagicMock()


def on_files(files, config):
    """Add the generated pages and the pictures."""
    pages = {'commands.md': commands_page()}
    pages.update({name.lower(): top_level_page(name) for name in TOP_LEVEL})
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    for path in sorted((DOCS / 'images').iterdir()):
        files.append(File.generated(config, f'images/{path.name}', abs_src_path=str(path)))
    return files


def on_page_markdown(markdown, **_):
    """Insert the table of experiments, and name the modules of public names."""
    import tfwolf

    if EXPERIMENTS in markdown:
        markdown = markdown.replace(EXPERIMENTS, experiments_table())
    return REFERENCE.sub(
        lambda found: f'::: tfwolf.{tfwolf._MODULE_OF[found[1]]}.{found[1]}', markdown
    )


def commands_page() -> str:
    """Return the page with the help of every command."""
    from tfwolf.cli.catalog import COMMANDS, GROUPS, load_command, summary
    from tfwolf.cli.help import command_help
    from tfwolf.cli.main import define

    lines = [
        '# Commands',
        '',
        'This is what `tfwolf COMMAND --help` prints. `python -m tfwolf COMMAND` is the same '
        'program. Without a command it lists all of them.',
        '',
    ]
    for title in GROUPS:
        names = [name for name, command in COMMANDS.items() if command.group == title]
        lines += [f'**{title}**', '']
        lines += [f'- [`{name}`](#tfwolf-{name}): {summary(name)}.' for name in names]
        lines += ['']
    for name in COMMANDS:
        module = load_command(name)
        text = command_help(name, module, define(module), 'tfwolf')
        lines += [f'## tfwolf {name}', '', '```text', text, '```', '']
    return '\n'.join(lines)


def top_level_page(name: str) -> str:
    """Return the text of a file at the top of the repository, with links as from a page."""
    text = (ROOT / name).read_text(encoding='utf-8').replace('](docs/pages/', '](')
    for page in TOP_LEVEL:
        text = text.replace(f']({page})', f']({page.lower()})')
    return text


def experiments_table() -> str:
    """Return the table of all shipped experiments, from the headers of their gin files."""
    from tfwolf.runs.gin_files import experiment_names, read_header

    lines = ['| Name | Model | Parameters | Data | Paper |', '|---|---|---:|---|---|']
    for name in experiment_names():
        header = read_header(name)
        cells = (
            f'`{name}`',
            header.title,
            header.parameters,
            f'`{header.data}`',
            header.paper or '-',
        )
        lines.append(f'| {" | ".join(cells)} |')
    return '\n'.join(lines)
