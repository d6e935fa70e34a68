"""Several runs side by side: what each has reached, grouped by what their bits/dim are of.

Neither a model nor TensorFlow is needed.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfwolf.core.choices import UNIFORM, VARIATIONAL
from tfwolf.plots.curves import points
from tfwolf.runs.config_text import bindings, read_config
from tfwolf.runs.pretrained import run_folder
from tfwolf.training import run_directory
from tfwolf.training.checkpoint_files import LATEST, newest_intact, step_of
from tfwolf.training.checkpoint_index import shapes_of
from tfwolf.training.curves import read_curves

MOMENTS = 'optimizer/first_moments/'


class RunSummary(NamedTuple):
    """What a run has reached.

    Attributes:
        name: of the run; different for each run of a comparison.
        kind: what its bits/dim are of: images, bits, noise and condition.
        images: short checksum of what the run stored of its images, '' if it stored nothing.
        values: `{name: number or text}` for the table; None where the run does not have one.
        curve: (steps, bits/dim), of validation images if there are any, else of training images.
        curve_of: 'validation' or 'training'.
    """

    name: str
    kind: str
    images: str
    values: dict[str, Any]
    curve: tuple[np.ndarray, np.ndarray]
    curve_of: str


def compared(runs: Sequence[str]) -> dict[str, list[RunSummary]]:
    """Return the summaries of runs, `{heading: [RunSummary]}`, in the order of the runs.

    Runs have the same heading only if bits/dim of both are of the same images at the same number of
    bits, with the same kind of noise and the same condition.

    Args:
        runs: folders of runs, or 'pretrained:NAME'; at least one.

    Raises:
        ValueError: if there is none, a folder has no run, or a run is named twice.
    """
    if not runs:
        raise ValueError('Give the folders of the runs to compare; got none.')
    folders = [run_folder(run) for run in runs]
    real = [os.path.realpath(folder) for folder in folders]
    for number, folder in enumerate(real):
        if folder in real[:number]:
            raise ValueError(f'Give each run once; got {runs[number]} twice.')
    names = [os.path.basename(os.path.normpath(run)) for run in runs]
    if len(set(names)) < len(names):
        names = [os.path.normpath(run) for run in runs]
    summaries = [summary(name, folder) for name, folder in zip(names, folders)]
    images = {
        kind: {found.images for found in summaries if found.kind == kind}
        for kind in (found.kind for found in summaries)
    }
    groups: dict[str, list[RunSummary]] = {}
    for found in summaries:
        heading = found.kind
        if len(images[heading]) > 1:
            heading += f', images {found.images or "unknown"}'
        groups.setdefault(heading, []).append(found)
    return groups


def summary(name: str, train_dir: str) -> RunSummary:
    """Return the `RunSummary` of a run.

    Args:
        name: of the run.
        train_dir: its folder.

    Raises:
        ValueError: if the folder contains no run, or its curves are damaged.
    """
    config = bindings(read_config(train_dir))
    path = os.path.join(train_dir, run_directory.CURVES)
    tables = read_curves(path) if os.path.exists(path) else {'train': {}, 'validation': {}}
    train, validation = (
        {metric: points(tables[split], metric) for metric in tables[split]}
        for split in ('train', 'validation')
    )
    nothing = np.empty(0), np.empty(0)
    curve = validation.get('bits_per_dim', nothing)
    best = int(np.argmin(curve[1])) if len(curve[1]) else None
    step, parameters = _of_checkpoint(train_dir)
    speed = train.get('images_per_second', nothing)[1]
    record = _record(train_dir)
    values = {
        'steps': step,
        'parameters': parameters,
        'last_validation': _last(curve),
        'best_validation': None if best is None else float(curve[1][best]),
        'best_step': None if best is None else int(curve[0][best]),
        'kl_nats': _last(validation.get('kl_nats', nothing)),
        'images_per_second': float(np.median(speed)) if len(speed) else None,
        **_held_out(run_directory.read_evaluation(train_dir) or {}),
    }
    shown, of = (
        (curve, 'validation') if len(curve[0]) else (train.get('bits_per_dim', nothing), 'training')
    )
    return RunSummary(name, kind_of(config, record), _checksum(record), values, shown, of)


def kind_of(config: Mapping[str, str], record: Mapping[str, Any]) -> str:
    """Return what bits/dim of a run are of, in words.

    Args:
        config: `bindings` of its configuration.
        record: what it stored of its images, `data.json`; may be empty.
    """
    of_images = {
        name.removeprefix('dataset.'): value
        for name, value in config.items()
        if name.startswith('dataset.')
    }
    source = of_images.pop('source', repr(record.get('source') or 'given images')).strip('\'"')
    options = ', '.join(f'{name} = {value}' for name, value in sorted(of_images.items()))
    shape = record.get('image_shape') or config.get('experiment.image_shape', '').strip('() ')
    size = shape if isinstance(shape, str) else 'x'.join(map(str, shape))
    condition = config.get('Wolf.condition', 'None').strip('@() ')
    given = [
        f'{name.partition(".")[2]} = {value}'
        for name, value in sorted(config.items())
        if name.startswith(f'{condition}.')
    ]
    dequantizer = config.get('Wolf.dequantizer', '').strip('@() ')
    noise = UNIFORM if dequantizer in ('', 'UniformDequantizer') else VARIATIONAL
    return ', '.join(
        [
            f'{source} ({options})' if options else source,
            *([size.replace(', ', 'x')] if size else []),
            f'{config.get("Wolf.num_bits", "8")} bits',
            f'{noise} noise',
            *([f'given {condition}({", ".join(given)})'] if condition != 'None' else []),
        ]
    )


def _of_checkpoint(train_dir):
    """Return (step, number of parameters) of the last checkpoint, None where it is unknown."""
    try:
        path = newest_intact(os.path.join(train_dir, LATEST))
        shapes = {} if path is None else shapes_of(path)
    except ValueError:
        return None, None
    # The optimizer has one moment for each parameter; packed models are without it.
    sizes = [math.prod(shape) for name, shape in shapes.items() if name.startswith(MOMENTS)]
    return None if path is None else step_of(path), sum(sizes) or None


def _held_out(result):
    return {
        'held_out': result.get('bits_per_dim'),
        'held_out_stderr': result.get('bits_per_dim_stderr'),
        'held_out_split': result.get('split'),
        'held_out_images': result.get('num_images'),
        'held_out_draws': result.get('num_samples'),
        'held_out_checkpoint': result.get('checkpoint'),
    }


def _record(train_dir):
    try:
        with open(os.path.join(train_dir, run_directory.DATA), encoding='utf-8') as file:
            record = json.load(file)
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _checksum(record):
    """Return 8 digits for the versions and splits of images; '' if there is no record."""
    stored = {name: record[name] for name in ('origin', 'splits') if name in record}
    text = json.dumps(stored, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8] if stored else ''


def _last(curve):
    return float(curve[1][-1]) if len(curve[1]) else None
