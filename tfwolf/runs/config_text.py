"""The text of a run's configuration: read it, parse it, and translate it from earlier versions."""

from __future__ import annotations

import os
import re

from tfwolf.core.outside_links import check_no_outside_links
from tfwolf.training import run_directory

# Bindings that the flag --precision set in earlier versions, all to the same value.
PRECISION = (
    'RefinedGlow.compute_dtype',
    'Glow.compute_dtype',
    'RealNVP.compute_dtype',
    'Encoder.compute_dtype',
)
# Arguments that moved to the networks when these became separate parts.
RENAMED = {
    'RefinedGlow.compute_dtype': ('ConvCouplingNet.compute_dtype',),
    'Glow.compute_dtype': ('GlowCouplingNet.compute_dtype', 'ZeroConv.compute_dtype'),
    'RealNVP.compute_dtype': ('ResidualCouplingNet.compute_dtype',),
    'RealNVP.num_blocks': ('ResidualCouplingNet.num_blocks',),
}


def modernized(text: str) -> str:
    """Return the text of a run's configuration with the names of this version.

    Args:
        text: text of `config.gin`, in the layout of `Configuration.text`, with or without the seed.
            Text of this version is returned unchanged.
    """
    found = bindings(text)
    if not set(RENAMED) & set(found):
        return text
    values = [found.get(name) for name in PRECISION]
    new = {name: value for name, value in found.items() if name not in RENAMED and name != 'seed'}
    precision = values[0]
    if precision is not None and set(values) == {precision}:
        del new['Encoder.compute_dtype']
        new['experiment.precision'] = precision
    else:
        new.update(
            {name: found[old] for old, names in RENAMED.items() if old in found for name in names}
        )
    if 'RealNVP.num_blocks' in found:
        new['ResidualCouplingNet.num_blocks'] = found['RealNVP.num_blocks']
    seed = [f'# seed = {found["seed"]}'] if 'seed' in found else []
    return '\n'.join([*seed, *(f'{name} = {value}' for name, value in sorted(new.items()))]) + '\n'


def bindings(text: str) -> dict[str, str]:
    """Return `{name: value}`, both as text, for every binding of a gin text.

    Args:
        text: gin text in the layout of `Configuration.text`. A seed in it is returned as 'seed'.
    """
    found: dict[str, str] = {}
    name = None
    for line in text.splitlines():
        if line.startswith('# seed = '):
            found['seed'] = line.removeprefix('# seed = ')
        if line.startswith('#') or not line.strip():
            name = None
            continue
        match = re.match(r'([\w./@]+) = ?(.*)', line)
        if match and not line.startswith(' '):
            name = match[1]
            found[name] = match[2].rstrip('\\').strip()
        elif name is not None:
            found[name] += ' ' + line.strip().rstrip('\\').strip()
    return found


def read_config(train_dir: str | os.PathLike[str]) -> str:
    """Return the text of the configuration of a run.

    Args:
        train_dir: folder of the run.

    Raises:
        ValueError: if the folder contains no run, or a link in it leads outside.
    """
    path = os.path.join(train_dir, run_directory.CONFIG)
    if not os.path.isfile(path):
        raise ValueError(
            f'{train_dir} contains no run of tfwolf (no {run_directory.CONFIG}). Train first, or '
            'choose another --train_dir.'
        )
    check_no_outside_links(train_dir)
    try:
        with open(path, encoding='utf-8') as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise ValueError(
            f'{path} is damaged, or was not written by tfwolf: {error}. Restore it from a backup.'
        ) from error
