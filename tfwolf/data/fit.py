"""Pictures of any size brought to one size: cropped, downsampled, and cut to a window."""
import dataclasses
from typing import Optional, Tuple

import numpy as np

from tfwolf import validate

RESIZE = ('center_crop', 'random_crop', 'none')
CENTRE = (0.5, 0.5)


@dataclasses.dataclass(frozen=True)
class Fit:
    """How a picture becomes `image_size`.

    First the central `crop_size` is cut out, if there is one. Then 'center_crop' takes the largest central window of the right shape and
    downsamples it; 'random_crop' downsamples until the shorter side is `shorter_side` and cuts a window out of the result, a random one in
    training and the central one else; 'none' wants the size already. Downsampling is bicubic and antialiased.

    Args:
        image_size: (height, width).
        resize: 'center_crop', 'random_crop' or 'none'.
        crop_size: (height, width) or None.
        shorter_side: number of pixels, for 'random_crop' alone.
    """

    image_size: Tuple[int, int]
    resize: str = 'none'
    crop_size: Optional[Tuple[int, int]] = None
    shorter_side: Optional[int] = None

    @property
    def is_random(self):
        """Whether training sees other windows than evaluation."""
        return self.resize == 'random_crop'

    def check(self, where, size):
        """Checks that a picture of `size` (height, width) can be brought to `image_size`; `where` names it in messages.

        Raises:
            ValueError: if with resize='none' the sizes differ, or the picture is smaller than what is cut out of it.
        """
        found = f'{where} is {size[0]}x{size[1]} (height x width)'
        if self.crop_size is not None:
            if size[0] < self.crop_size[0] or size[1] < self.crop_size[1]:
                raise ValueError(f'{found}, smaller than `crop_size` {self.crop_size[0]}x{self.crop_size[1]}. Remove it, or give a smaller '
                                 '`crop_size`.')
            size = self.crop_size
        height, width = self.image_size
        if self.resize == 'none' and tuple(size) != (height, width):
            raise ValueError(f"{found}, expected {height}x{width} with resize='none'. To crop and downsample, give `image_size` and "
                             "resize='center_crop'.")
        least = (self.shorter_side,) * 2 if self.is_random else (height, width)
        if size[0] < least[0] or size[1] < least[1]:
            raise ValueError(f'{found}, smaller than {least[0]}x{least[1]}; images are not enlarged. Remove it, or give a smaller '
                             f'`{"shorter_side" if self.is_random else "image_size"}`.')

    def __call__(self, picture, place=CENTRE):
        """Returns a Pillow image as uint8 `[*image_size, channels]`; one that has the size already keeps its pixels.

        Args:
            picture: Pillow image that `check` accepts.
            place: two numbers in [0, 1), where from top to bottom and from left to right a random window lies.
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
            window = _cut(picture, (round(height * scale), round(width * scale))).resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(window, np.uint8).reshape(height, width, -1)


def make_fit(image_size, resize, crop_size=None, shorter_side=None):
    """Returns a `Fit`, or None where the size of the pictures is taken as it is.

    Args:
        image_size: (height, width) or None.
        resize: one of `RESIZE`, or None for 'center_crop' if an `image_size` is given and else 'none'.
        crop_size: (height, width) or None.
        shorter_side: number of pixels or None.

    Raises:
        ValueError: if an argument breaks its rule, or they do not fit together.
    """
    if resize is None:
        resize = 'none' if image_size is None else 'center_crop'
    if resize not in RESIZE:
        raise ValueError(f'`resize` must be one of {RESIZE} or None; got resize={resize!r}.')
    if image_size is None and (resize != 'none' or crop_size is not None):
        raise ValueError(f'resize={resize!r} and `crop_size` need `image_size`, for example image_size=(64, 64); got None.')
    if (resize == 'random_crop') != (shorter_side is not None):
        raise ValueError(f"`shorter_side` belongs to resize='random_crop'; got shorter_side={shorter_side!r} with resize={resize!r}.")
    if shorter_side is not None and validate.integer('shorter_side', shorter_side, 1) < max(image_size):
        raise ValueError(f'`shorter_side` must be at least {max(image_size)}, the longer side of the window; got {shorter_side!r}.')
    return None if image_size is None else Fit(image_size, resize, crop_size, shorter_side)


def _cut(picture, size, place=CENTRE):
    """Returns the window of `size` (height, width) that lies at `place`, two numbers in [0, 1)."""
    free = (picture.height - size[0], picture.width - size[1])
    # The centre rounds down; a random place reaches the last position as often as the others.
    top, left = (room // 2 if part == 0.5 else int(part * (room + 1)) for part, room in zip(place, free))
    return picture.crop((left, top, left + size[1], top + size[0]))
