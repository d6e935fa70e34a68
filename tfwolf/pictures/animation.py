"""Animations that play a sequence of pictures forwards and backwards."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfwolf.core.files import atomic_path
from tfwolf.pictures.description import as_text, in_exif


def write_animation(
    path: str,
    frames: Sequence[np.ndarray],
    seconds: float,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write pictures as an endless animation, forwards and backwards; atomically.

    Args:
        path: path of a `.gif` or `.webp` file; WebP keeps all colors, GIF has 256.
        frames: at least two uint8 pictures `[height, width, 3]` of the same size.
        seconds: duration of one pass forwards and backwards.
        about: what it was made from, dict of JSON values, for `read_description`.

    Raises:
        ValueError: if there are fewer than two pictures, or the file has another extension.
    """
    from PIL import Image

    text = '' if about is None else as_text(about)
    formats = {
        '.gif': {'format': 'GIF', 'comment': text.encode()},
        '.webp': {'format': 'WEBP', 'lossless': True, 'exif': in_exif(text)},
    }
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
