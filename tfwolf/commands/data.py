"""Check the images of an experiment: splits, sizes and SHA-256. Nothing is downloaded."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags

if TYPE_CHECKING:
    from tfwolf.data.dataset import ImageDataset

EXAMPLES = ('data imagenet64 --data_dir=DATA',)

# Names that are printed.
MAX_NAMES = 40


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Data')
    options.path('data_dir', None, "Folder with TensorFlow Datasets' prepared data.", 'FOLDER')
    options.boolean(
        'fingerprint', True, 'Read and decode every image for the SHA-256 of each split.'
    )
    options.boolean('json', False, 'Print one JSON object.')
    groups.experiment(options)
    options.argument = 'gin_file'


def main(options: Flags) -> None:
    """Run the command. Missing data end in an error that says where they belong."""
    from tfwolf.cli import opening
    from tfwolf.core.progress import progress_bar
    from tfwolf.data.fingerprint import data_fingerprint

    experiment = opening.configuration(options).experiment()
    dataset = experiment.open_dataset(options.data_dir, download=False)
    splits = {}
    for name in ('train', 'validation', 'test'):
        split = getattr(dataset, name)
        splits[name] = {
            'num_images': split.num_examples,
            'decoded_gib': split.num_examples * math.prod(dataset.image_shape) / 2**30,
        }
        if options.fingerprint and split.num_examples:
            with progress_bar(split.num_examples, 0, f'Reading {name}', 'image') as bar:
                splits[name]['sha256'] = data_fingerprint(split, bar.update)
    result = {
        'source': experiment.source,
        'name': dataset.name,
        'version': dataset.version,
        'image_shape': dataset.image_shape,
        'num_classes': dataset.num_classes,
        'classes': dataset.classes,
        'attributes': list(dataset.attributes),
        'notes': list(dataset.notes),
        'splits': splits,
    }
    print(json.dumps(result, indent=2) if options.json else _table(dataset, result))


def _table(dataset: ImageDataset, result: dict) -> str:
    from tfwolf.data.folder_layout import shown

    lines = [
        f'{dataset.title} ({result["source"]}): {dataset.kind}, '
        f'{dataset.num_classes or "no"} classes'
    ]
    if dataset.classes:
        lines.append(f'  classes: {shown(dataset.classes, MAX_NAMES)}')
    if dataset.attributes:
        count = len(dataset.attributes)
        lines.append(f'  {count} attributes: {shown(dataset.attributes, MAX_NAMES)}')
    for name, split in result['splits'].items():
        lines.append(
            f'  {name:12}{split["num_images"]:>11,} images {split["decoded_gib"]:8.2f} GiB '
            f'decoded  {split.get("sha256", "")}'
        )
    return '\n'.join([*lines, *dataset.notes])
