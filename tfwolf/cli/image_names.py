"""What captions call the images that a tool shows."""

from __future__ import annotations

import os

from tfwolf.cli.images import Chosen
from tfwolf.runs.run import Run

# Letters of a name; more would make a picture wider than its images.
LONGEST = 20


def image_names(chosen: Chosen, run: Run) -> list[str]:
    """Return a name for each image: its class, or its file, or its position in the split.

    Args:
        chosen: the `Chosen` images.
        run: the `Run` of whose data set they are.
    """
    if chosen.source is None:
        names = [os.path.splitext(str(name))[0] for name in chosen.names]
    else:
        labels = [-1] * len(chosen.names) if chosen.labels is None else chosen.labels.tolist()
        names = [
            run.dataset.class_name(label) if label >= 0 else f'image {position}'
            for label, position in zip(labels, chosen.names)
        ]
    return [name if len(name) <= LONGEST else f'{name[: LONGEST - 1]}…' for name in names]


def temperature_text(temperature_v: float, temperature_z: float) -> str:
    """Return the temperatures of samples as captions say them."""
    if temperature_v == temperature_z:
        return f'T = {temperature_v:g}'
    return f'T of z = {temperature_z:g}, T of v = {temperature_v:g}'
