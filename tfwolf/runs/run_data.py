"""The images of a run: opened in one place, and compared with what the run stored of them."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import NoReturn

import tensorflow as tf

from tfwolf.core import files
from tfwolf.data import data_record
from tfwolf.data.data_changes import changes
from tfwolf.data.data_record import EARLIER_RULES, DataRecord, record_of
from tfwolf.data.dataset import ImageDataset
from tfwolf.models.wolf import Wolf
from tfwolf.runs.environment import Environment
from tfwolf.runs.experiment import Experiment
from tfwolf.training import run_directory

# Sources of which only the place may change: images are compared by their names and content.
PLACED = ('folder', 'npz')
SOURCE = 'dataset.source'
NO_RECORD = (
    'The run in {} was made by an earlier version and has no fingerprint of its images, so changes '
    'of the images go unnoticed. Images are read and held out by the rules of that version.'
)


def read_record(train_dir: str | os.PathLike) -> DataRecord | None:
    """Return what a run stored of its images, None for a folder without a run.

    Runs of earlier versions stored nothing; their record has only the rules by which images were
    held out.

    Raises:
        ValueError: if the files are damaged.
    """
    if not os.path.isfile(os.path.join(train_dir, run_directory.CONFIG)):
        return None
    path = os.path.join(train_dir, run_directory.DATA)
    if not os.path.isfile(path):
        return DataRecord(EARLIER_RULES)
    try:
        with open(path, encoding='utf-8') as file:
            about = json.load(file)
        path = os.path.join(train_dir, run_directory.DATA_IMAGES)
        with gzip.open(path, 'rt', encoding='utf-8') as file:
            return data_record.from_json(about, json.load(file))
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{path}, the fingerprint of the images of the run, cannot be read: '
            f'{type(error).__name__}: {error}. Restore it from a backup.'
        ) from error


def write_record(train_dir: str, record: DataRecord) -> None:
    """Write what is stored of the images of a run."""
    os.makedirs(train_dir, exist_ok=True)
    with (
        files.atomic_path(os.path.join(train_dir, run_directory.DATA_IMAGES)) as temporary,
        gzip.open(temporary, 'wt', encoding='utf-8') as file,
    ):
        json.dump(data_record.images(record), file)
    files.write_json(os.path.join(train_dir, run_directory.DATA), data_record.summary(record))


def open_data(
    experiment: Experiment,
    train_dir: str,
    environment: Environment,
    record: DataRecord | None,
    is_pretrained: bool = False,
) -> ImageDataset:
    """Return the images of a run that exists, compared with what it stored.

    Images of another source than the run's, which a user asks for, are no change of its images;
    results name them.

    Args:
        experiment: the `Experiment`, which opens the images.
        train_dir: folder of the run.
        environment: the `Environment`.
        record: what the run stored, see `read_record`.
        is_pretrained: whether it is a pretrained model, whose images were never stored.

    Raises:
        ValueError: if the images are not available, or have changed and this is not accepted.
    """
    dataset = experiment.open_dataset(environment.data_dir, environment.download, record)
    if record is None:
        return dataset
    if not record.splits:
        if not is_pretrained:
            print(NO_RECORD.format(train_dir), file=sys.stderr)
        return dataset
    if _kind(experiment.source) != _kind(record.source):
        text = f'images of {experiment.source or "Python"} instead of those of the run'
        print(f'Using {text} ({record.source or "Python"}).', file=sys.stderr)
        return dataclasses.replace(dataset, accepted_changes=(*record.accepted_changes, text))
    found = record_of(dataset, record.rules, experiment.source)
    return _checked(dataset, found, train_dir, record, environment)


def keep_record(
    dataset: ImageDataset,
    found: DataRecord,
    train_dir: str,
    stored: DataRecord | None,
    environment: Environment,
) -> ImageDataset:
    """Write what is stored of the images of a run before it is trained, or trained further.

    Args:
        dataset: the images.
        found: their `DataRecord`.
        train_dir: folder of the run.
        stored: what the run stored before, None for a new run.
        environment: the `Environment`.

    Returns:
        The images, with the changes that were accepted.

    Raises:
        ValueError: as `open_data`, if the images have changed.
    """
    if stored is not None and not stored.splits:
        print(f'{NO_RECORD.format(train_dir)} From now on it has one.', file=sys.stderr)
    elif stored is not None:
        dataset = _checked(dataset, found, train_dir, stored, environment)
    write_record(train_dir, dataclasses.replace(found, accepted_changes=dataset.accepted_changes))
    return dataset


def _checked(
    dataset: ImageDataset,
    found: DataRecord,
    train_dir: str,
    stored: DataRecord,
    environment: Environment,
) -> ImageDataset:
    """Return the images with the changes that are accepted; other changes are an error."""
    lines = changes(stored, found)
    if lines and not environment.accept_changed_data:
        raise ValueError(
            f'The images have changed since the run in {train_dir} was started:\n  '
            + '\n  '.join(lines)
            + '\nRestore the images, or start a new run. To go on with the changed ones, add '
            '--accept_changed_data (in Python Environment(accept_changed_data=True)); all results '
            'will say so.'
        )
    if lines:
        print('The images have changed, which is accepted: ' + '; '.join(lines), file=sys.stderr)
    accepted = (*stored.accepted_changes, *(('; '.join(lines),) if lines else ()))
    return dataclasses.replace(dataset, accepted_changes=accepted)


def without_places(bindings: Mapping[str, str], record: DataRecord | None) -> dict[str, str]:
    """Return gin bindings without the place of images that are compared by their fingerprint.

    So a run can be continued after its images have moved.

    Args:
        bindings: `{name: value}`, both as text.
        record: what the run stored.
    """
    if record is None or not record.splits:
        return dict(bindings)
    return {
        name: _kind(value.strip('\'"')) if name.removeprefix('tfwolf.') == SOURCE else value
        for name, value in bindings.items()
    }


def check_labels(model: Wolf, dataset: ImageDataset, *names: str) -> None:
    """Check that the images of splits have the class labels that a model needs for z.

    Args:
        model: the `Wolf`.
        dataset: the `ImageDataset`.
        *names: 'train', 'validation' or 'test'.

    Raises:
        ValueError: if the labels are missing, or of classes that the model does not have.
    """
    count = model.latent.num_classes
    if not model.latent.needs_labels or count is None:
        return
    for name in names:
        split = getattr(dataset, name)
        if not split.num_examples:
            continue
        if split.identities is None:
            labels = split.load(tf.zeros([1], tf.int64))['label'].numpy()
        else:
            labels = split.identities.labels
        if labels is None or labels.min() < 0:
            raise ValueError(
                f'The {name} images of {dataset.title} have no class labels, and this model makes '
                f'z from the label, one of {count}. Add labels, or use another split.'
            )
        if labels.max() >= count:
            raise ValueError(
                f'The {name} images of {dataset.title} have labels up to {labels.max()}, and this '
                f'model has the classes 0 to {count - 1}.'
            )


def missing_images(train_dir: str) -> Callable[..., NoReturn]:
    """Return a function in place of images that were passed from Python; it raises the error."""

    def dataset(data_dir: str | None, download: bool) -> NoReturn:
        raise ValueError(
            f'The images of {train_dir} were passed from Python. Pass them to tfwolf.load as '
            '`images`, or set a source with --gin_param="experiment.dataset = @dataset" and '
            '--gin_param="dataset.source = ...".'
        )

    return dataset


def _kind(source: str | None) -> str:
    """Return what of a source does not depend on the place of its files."""
    scheme = (source or '').partition(':')[0]
    return f'{scheme}:' if scheme in PLACED else source or ''
