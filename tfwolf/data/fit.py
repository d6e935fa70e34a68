"""Pictures of any size brought to one size: cropped, downsampled, and cut to a window."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from tfwolf.core import validate

if TYPE_CHECKING:
    from PIL import Image

Size = tuple[int, int]

RESIZE = ('center_crop', 'random_crop', 'none')
CENTRE = (0.5, 0.5)


@dataclasses.dataclass(frozen=True)
class Fit:
    """How a picture becomes `image_size`; without `image_size` it keeps its size.

    First the central `crop_size` is cut out, if there is one. Then 'center_crop' takes the largest
    central window of the right shape and downsamples it; 'random_crop' downsamples until the
    shorter side is `shorter_side` and cuts a window out of the result, a random one in training and
    the central one otherwise; 'none' requires that the picture has the size already. Downsampling
    is bicubic and antialiased.

    Args:
        image_size: (height, width) in pixels, or None.
        resize: 'center_crop', 'random_crop' or 'none'; None takes 'center_crop' if there is an
            `image_size`, otherwise 'none'.
        crop_size: (height, width) in pixels, or None.
        shorter_side: number of pixels, for 'random_crop' alone.

    Raises:
        ValueError: if an argument breaks its rule, or they do not fit together.
    """

    image_size: Size | None = None
    resize: str | None = None
    crop_size: Size | None = None
    shorter_side: int | None = None

    def __post_init__(self) -> None:
        default = 'none' if self.image_size is None else 'center_crop'
        object.__setattr__(self, 'resize', default if self.resize is None else self.resize)
        for name in ('image_size', 'crop_size'):
            object.__setattr__(self, name, check_size(name, getattr(self, name)))
        if self.resize not in RESIZE:
            raise ValueError(
                f'`resize` must be one of {RESIZE} or None; got resize={self.resize!r}.'
            )
        if self.image_size is None and (self.resize != 'none' or self.crop_size is not None):
            raise ValueError(
                f'resize={self.resize!r} and `crop_size` need `image_size`, for example '
                'image_size=(64, 64); '
                'got None.'
            )
        if self.is_random != (self.shorter_side is not None):
            raise ValueError(
                "`shorter_side` belongs to resize='random_crop'; got "
                f'shorter_side={self.shorter_side!r} '
                f'with resize={self.resize!r}.'
            )
        if self.is_random and validate.integer('shorter_side', self.shorter_side, 1) < max(
            self.image_size
        ):
            raise ValueError(
                f'`shorter_side` must be at least {max(self.image_size)}, the longer side of the '
                'window; '
                f'got {self.shorter_side!r}.'
            )

    @property
    def is_random(self) -> bool:
        """Whether training sees other windows than evaluation."""
        return self.resize == 'random_crop'

    def check(self, where: str, size: Size) -> None:
        """Checks that a picture of `size` (height, width) can be brought to `image_size`; `where`
        names it in messages.

        Raises:
            ValueError: if with resize='none' the sizes differ, or the picture is smaller than what
                is cut out of it.
        """
        found = f'{where} is {size[0]}x{size[1]} (height x width)'
        if self.crop_size is not None:
            if size[0] < self.crop_size[0] or size[1] < self.crop_size[1]:
                raise ValueError(
                    f'{found}, smaller than `crop_size` {self.crop_size[0]}x{self.crop_size[1]}. '
                    'Remove it, or give a smaller '
                    '`crop_size`.'
                )
            size = self.crop_size
        height, width = self.image_size
        if self.resize == 'none' and tuple(size) != (height, width):
            raise ValueError(
                f"{found}, expected {height}x{width} with resize='none'. To crop and downsample, "
                'give `image_size` and '
                "resize='center_crop'."
            )
        least = (self.shorter_side,) * 2 if self.is_random else (height, width)
        if size[0] < least[0] or size[1] < least[1]:
            raise ValueError(
                f'{found}, smaller than {least[0]}x{least[1]}; images are not enlarged. Remove '
                'it, or give a smaller '
                f'`{"shorter_side" if self.is_random else "image_size"}`.'
            )

    def __call__(self, picture: Image.Image, place: tuple[float, float] = CENTRE) -> np.ndarray:
        """Returns a Pillow image as uint8 `[*image_size, channels]`; one that has the size already
        keeps its pixels.

        Args:
            picture: Pillow image that `check` accepts.
            place: two numbers in [0, 1), where from top to bottom and from left to right a random
                window lies.
        """
        from PIL import Image

        if self.crop_size is not None:
            picture = _cut(picture, self.crop_size)
        height, width = self.image_size
        if self.is_random:
            scale = self.shorter_side / min(picture.height, picture.width)
            size = (round(picture.width * scale), round(picture.height * scale))
            window = _cut(picture.resize(size, Image.Resampling.BICUBIC), self.image_size, place)
        else:
            scale = min(picture.height / height, picture.width / width)
            # Cut first: `resize` with a box would let the filter see pixels beyond the window.
            window = _cut(picture, (round(height * scale), round(width * scale))).resize(
                (width, height), Image.Resampling.BICUBIC
            )
        return np.asarray(window, np.uint8).reshape(height, width, -1)


def check_size(name: str, value: object) -> Size | None:
    """Returns a size (height, width) in pixels as a tuple of integers of at least 1; None stays
    None.

    Raises:
        ValueError: if it is something else.
    """
    if value is None:
        return None
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(f'`{name}` must be (height, width); got {name}={value!r}.')
    return tuple(validate.integer(name, size, 1) for size in value)


def _cut(picture: Image.Image, size: Size, place: tuple[float, float] = CENTRE) -> Image.Image:
    """Returns the window of `size` (height, width) that lies at `place`, two numbers in [0, 1)."""
    free = (picture.height - size[0], picture.width - size[1])
    # The centre rounds down; a random place reaches the last position as often as the others.
    top, left = (
        room // 2 if part == 0.5 else int(part * (room + 1)) for part, room in zip(place, free)
    )
    return picture.crop((left, top, left + size[1], top + size[0]))
