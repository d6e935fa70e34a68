"""Print a completion script for a shell."""

from __future__ import annotations

from tfwolf.cli.catalog import COMMANDS, load_command
from tfwolf.cli.flags import Flags
from tfwolf.cli.main import define

EXAMPLES = ('completion --shell=bash > ~/.local/share/bash-completion/completions/tfwolf',)
USES_TENSORFLOW = False

BASH = """_tfwolf() {{
    local word=${{COMP_WORDS[COMP_CWORD]}}
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{commands}" -- "$word"))
        return
    fi
    local flags=
    case ${{COMP_WORDS[1]}} in
{cases}
    esac
    case $word in
        --*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
        *) COMPREPLY=($(compgen -f -W "{experiments}" -- "$word")) ;;
    esac
}}
complete -o nospace -F _tfwolf tfwolf
"""


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Completion')
    options.choice('shell', 'bash', ['bash', 'zsh'], 'Shell that is to complete.')
    options.argument = 'shell'


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.runs.gin_files import experiment_names

    cases = []
    for name in COMMANDS:
        groups = define(load_command(name)).groups.values()
        flags = [
            f'--{flag.name}{"=" if flag.value else ""}'
            for described in groups
            for flag in described
        ]
        cases.append(f'        {name}) flags="{" ".join(flags)}" ;;')
    script = BASH.format(
        commands=' '.join(COMMANDS),
        cases='\n'.join(cases),
        experiments=' '.join(experiment_names()),
    )
    if options.shell == 'zsh':
        script = f'autoload -U +X bashcompinit && bashcompinit\n{script}'
    print(script, end='')
