"""The text of `--help`."""

from __future__ import annotations

import textwrap
from types import ModuleType

from tfwolf.cli.catalog import COMMANDS, GROUPS, summary
from tfwolf.cli.flags import Described, Flags

WIDTH = 80
INDENT = 26


def command_help(name: str, module: ModuleType, options: Flags, program: str) -> str:
    """Return the help of a command: summary, usage, examples and its flags in groups.

    Args:
        name: of the command.
        module: that defines it.
        options: its flags.
        program: how the program is called, such as 'tfwolf'.
    """
    argument = f' [{options.argument.upper()}]' if options.argument else ''
    if options.arguments:
        argument = f' [{options.arguments.upper()} ...]'
    lines = [
        (module.__doc__ or '').strip(),
        '',
        f'Usage: {program} {name}{argument} [--flag=value ...]',
        '',
        'Examples:',
        *(f'  {program} {example}' for example in module.EXAMPLES),
    ]
    for title, described in options.groups.items():
        lines += ['', f'{title}:']
        for flag in described:
            lines += _flag_lines(flag)
    return '\n'.join(lines)


def overview(program: str) -> str:
    """Return the help of the program: all commands with a line each."""
    lines = [
        'Train, evaluate, explore and serve invertible flows with a global latent (Wolf).',
        '',
        f'Usage: {program} COMMAND [--flag=value ...]',
        f'       {program} COMMAND --help',
    ]
    for title in GROUPS:
        lines += ['', f'{title}:']
        lines += [
            f'  {name:14}{summary(name)}'
            for name, command in COMMANDS.items()
            if command.group == title
        ]
    lines += [
        '',
        f'Start with: {program} train digits --train_dir=runs/digits',
        f'Or with a trained model: {program} sample --pretrained=digits',
    ]
    return '\n'.join(lines)


def _flag_lines(flag: Described) -> list[str]:
    name = f'--{flag.name}={flag.value}' if flag.value else f'--[no]{flag.name}'
    default = flag.default
    if default is None or default is False or default in ('', []):
        text = flag.meaning
    else:
        shown = default if not isinstance(default, bool) else 'on'
        text = f'{flag.meaning} Default: {shown}.'
    lines = textwrap.wrap(text, WIDTH - INDENT, break_on_hyphens=False, break_long_words=False)
    head = f'  {name}'
    if len(head) > INDENT - 2:
        return [head, *(' ' * INDENT + line for line in lines)]
    return [f'{head:{INDENT}}{lines[0]}', *(' ' * INDENT + line for line in lines[1:])]
