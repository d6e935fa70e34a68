"""Animations: pictures that follow each other, there and back, in one file."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from tfwolf.core.files import atomic_path


def write_animation(path: str, frames: Sequence[np.ndarray], seconds: float) -> None:
    """Writes pictures as an endless animation that runs there and back, whole or not at all.

    Args:
        path: of a `.gif` or `.webp` file; WebP keeps all colours, GIF has 256 of them.
        frames: list of at least two uint8 pictures `[height, width, 3]` of one size.
        seconds: how long the way there and back takes.

    Raises:
        ValueError: if there are fewer than two pictures, or the file's name ends otherwise.
    """
    from PIL import Image

    formats = {'.gif': {'format': 'GIF'}, '.webp': {'format': 'WEBP', 'lossless': True}}
    ending = os.path.splitext(path)[1]
    if ending not in formats:
        raise ValueError(f'`path` must end in {" or ".join(formats)}; got {path!r}.')
    if len(frames) < 2:
        raise ValueError(f'`frames` must be at least two pictures; got {len(frames)}.')
    pictures = [Image.fromarray(frame) for frame in [*frames, *frames[-2:0:-1]]]
    with atomic_path(path) as temporary:
        pictures[0].save(
            temporary,
            save_all=True,
            append_images=pictures[1:],
            duration=round(1000 * seconds / len(pictures)),
            loop=0,
            **formats[ending],
        )
