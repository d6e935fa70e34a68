"""The class that a flag names: by its name, or by its number."""

from __future__ import annotations

from tfwolf.analysis.sampling import check_label
from tfwolf.core.messages import did_you_mean
from tfwolf.data.dataset import ImageDataset
from tfwolf.runs.run import Run

MOST_NAMES = 12


def class_number(given: str, images: ImageDataset) -> int:
    """Return the number of the class that --label names.

    A text that is the name of a class is this class, also if it is the number of another.

    Args:
        given: value of --label.
        images: the `ImageDataset`.

    Raises:
        ValueError: if the images have no such class; the message lists the names.
    """
    names, count = images.classes or (), images.num_classes
    if given in names:
        return names.index(given)
    if given.isdecimal() and (count is None or int(given) < count):
        return int(given)
    numbers = 'a number' if count is None else f'a class from 0 to {count - 1}'
    listed = ', '.join(names[:MOST_NAMES]) + (', ...' if len(names) > MOST_NAMES else '')
    hint = did_you_mean(given, names)
    raise ValueError(
        f'--label must be {numbers}{f" or its name: {listed}" if names else ""}; got {given}.{hint}'
    )


def sampled_class(given: str | None, run: Run) -> int | None:
    """Return the number of the class of all samples, None for no --label.

    Args:
        given: value of --label, or None.
        run: the `Run`.

    Raises:
        ValueError: as `class_number`, or if the model has no classes.
    """
    if given is None:
        return None
    number = class_number(given, run.dataset)
    check_label(run.model, number)
    return number
