"""Says which images an experiment would use: `python -m tfwolf.check_data
--gin_file=gin/cifar10.gin --data_dir=DATA`.
"""

import json
import math

from tfwolf.commands import flags, opening
from tfwolf.commands import main as command
from tfwolf.core.progress import progress_bar
from tfwolf.data.dataset import ImageDataset
from tfwolf.data.fingerprint import data_fingerprint


def define_flags(options: flags.Flags) -> None:
    """Defines the flags of this command alone."""
    options.string('data_dir', None, "Folder of TensorFlow Datasets' prepared data.")
    options.boolean(
        'fingerprint', True, 'Read and decode every image, for the SHA-256 of each split.'
    )
    options.boolean('json', False, 'Print one JSON object.')


def main(options: flags.Flags) -> None:
    """Runs the command; it never downloads. What is missing, and where to put it, is an error with
    exit code 2.
    """
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
        'splits': splits,
    }
    print(json.dumps(result, indent=2) if options.json else _table(dataset, result))


def _table(dataset: ImageDataset, result: dict) -> str:
    lines = [
        f'{dataset.title} ({result["source"]}): images of '
        f'{"x".join(map(str, dataset.image_shape))}, '
        f'{dataset.num_classes or "no"} classes'
    ]
    for name, split in result['splits'].items():
        lines.append(
            f'  {name:12}{split["num_images"]:>11,} images {split["decoded_gib"]:8.2f} GiB '
            f'decoded  {split.get("sha256", "")}'
        )
    return '\n'.join(lines)


if __name__ == '__main__':
    command.run(main, define_flags, flags.configuration)
