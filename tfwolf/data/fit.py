"""Cropping and downsampling of pictures to a common size."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

import numpy as np

from tfwolf.core import validate

if TYPE_CHECKING:
    from PIL import Image

Size = tuple[int, int]

RESIZE = ('center_crop', 'random_crop', 'pad', 'none')
CENTER = (0.5, 0.5)


@dataclasses.dataclass(frozen=True)
class Fit:
    """How a picture is brought to `image_size`; without `image_size` it keeps its size.

    First, the central `crop_size` is cut out if it is given. Then 'center_crop' takes the largest
    central crop of the right aspect ratio and downsamples it. 'random_crop' downsamples until the
    shorter side is `shorter_side` and crops the result, at a random position in training and at the
    center otherwise. 'pad' puts the picture in the middle of a black one; a larger picture is
    downsampled first. 'none' requires that the picture already has the size. Downsampling is
    bicubic and antialiased.

    Args:
        image_size: (height, width) in pixels, or None.
        resize: 'center_crop', 'random_crop', 'pad' or 'none'; None for 'center_crop' with an
            `image_size` and 'none' without.
        crop_size: (height, width) in pixels, or None.
        shorter_side: number of pixels, only for 'random_crop'.

    Raises:
        ValueError: if an argument is invalid, or the arguments do not fit together.
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
                'image_size=(64, 64); got None.'
            )
        if self.is_random != (self.shorter_side is not None):
            raise ValueError(
                "`shorter_side` is required for resize='random_crop', and only accepted for it; "
                f'got shorter_side={self.shorter_side!r} with resize={self.resize!r}.'
            )
        if self.is_random:
            longest = max(self.target_size)
            if validate.integer('shorter_side', self.shorter_side, 1) < longest:
                raise ValueError(
                    f'`shorter_side` must be at least {longest}, the longer side of `image_size`; '
                    f'got shorter_side={self.shorter_side!r}.'
                )

    @property
    def is_random(self) -> bool:
        """Whether the crops in training are random."""
        return self.resize == 'random_crop'

    @property
    def target_size(self) -> Size:
        """The `image_size` of a `Fit` that has one.

        Raises:
            ValueError: if it is None.
        """
        if self.image_size is None:
            raise ValueError('`image_size` is required to bring pictures to one size; got None.')
        return self.image_size

    def check(self, where: str, size: Size) -> None:
        """Check that a picture can be brought to `image_size`.

        Args:
            where: name of the picture in messages.
            size: (height, width) of the picture.

        Raises:
            ValueError: if the sizes differ although resize='none', or the picture is smaller than a
                crop of it.
        """
        found = f'{where} is {size[0]}x{size[1]} (height x width)'
        if self.crop_size is not None:
            if size[0] < self.crop_size[0] or size[1] < self.crop_size[1]:
                raise ValueError(
                    f'{found}, smaller than `crop_size` {self.crop_size[0]}x{self.crop_size[1]}. '
                    'Remove it, or choose a smaller `crop_size`.'
                )
            size = self.crop_size
        height, width = self.target_size
        if self.resize == 'none' and tuple(size) != (height, width):
            raise ValueError(
                f"{found}, expected {height}x{width} with resize='none'. To crop and downsample, "
                "set `image_size` and resize='center_crop'."
            )
        if self.resize == 'pad':
            return
        least = (height, width)
        if self.shorter_side is not None:
            least = (self.shorter_side, self.shorter_side)
        if size[0] < least[0] or size[1] < least[1]:
            raise ValueError(
                f'{found}, smaller than {least[0]}x{least[1]}; images are not enlarged. '
                "Remove it, pad it (dataset.resize = 'pad'), "
                f'or choose a smaller `{"shorter_side" if self.is_random else "image_size"}`.'
            )

    def __call__(
        self, picture: Image.Image, position: Sequence[float] | np.ndarray = CENTER
    ) -> np.ndarray:
        """Return a Pillow image as uint8 `[*image_size, channels]`.

        The pixels of an image that already has the size are unchanged.

        Args:
            picture: Pillow image that `check` accepts.
            position: vertical and horizontal position of a random crop, two numbers in [0, 1).
        """
        from PIL import Image

        if self.crop_size is not None:
            picture = _crop(picture, self.crop_size)
        height, width = self.target_size
        if self.shorter_side is not None:
            scale = self.shorter_side / min(picture.height, picture.width)
            size = (round(picture.width * scale), round(picture.height * scale))
            resized = picture.resize(size, Image.Resampling.BICUBIC)
            result = _crop(resized, self.target_size, position)
        elif self.resize == 'pad':
            result = _padded(picture, self.target_size)
        else:
            scale = min(picture.height / height, picture.width / width)
            # Crop first: the filter of `resize` with a box would read pixels outside of the box.
            crop = _crop(picture, (round(height * scale), round(width * scale)))
            result = crop.resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(result, np.uint8).reshape(height, width, -1)


@overload
def check_size(name: str, value: None) -> None: ...


@overload
def check_size(name: str, value: Sequence[int]) -> Size: ...


def check_size(name: str, value: object) -> Size | None:
    """Return a size (height, width) in pixels as a tuple of positive integers, or None for None.

    Raises:
        ValueError: if it is anything else.
    """
    if value is None:
        return None
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(f'`{name}` must be (height, width); got {name}={value!r}.')
    height, width = (validate.integer(name, size, 1) for size in value)
    return height, width


def _padded(picture: Image.Image, size: Size) -> Image.Image:
    """Return a picture, downsampled if it is larger, in the middle of a black one of `size`."""
    from PIL import Image

    scale = min(1.0, size[0] / picture.height, size[1] / picture.width)
    if scale < 1:
        height, width = (
            max(1, min(limit, round(side * scale)))
            for limit, side in zip(size, (picture.height, picture.width))
        )
        picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    result = Image.new(picture.mode, (size[1], size[0]))
    result.paste(picture, ((size[1] - picture.width) // 2, (size[0] - picture.height) // 2))
    return result


def _crop(
    picture: Image.Image, size: Size, position: Sequence[float] | np.ndarray = CENTER
) -> Image.Image:
    """Return a crop of `size` (height, width) at a position, see `Fit.__call__`."""
    free = (picture.height - size[0], picture.width - size[1])
    # The center rounds down; a random position reaches the last pixel as often as the others.
    top, left = (
        room // 2 if part == 0.5 else int(part * (room + 1)) for part, room in zip(position, free)
    )
    return picture.crop((left, top, left + size[1], top + size[0]))
