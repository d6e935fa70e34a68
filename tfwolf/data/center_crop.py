"""Pictures of any size brought to one size: the largest central window of the right shape, then downsampled."""
import numpy as np

RESIZE = ('center_crop', 'none')


def check_resize(image_size, resize):
    """Returns `resize`, where None means 'center_crop' if an `image_size` is given and else 'none'.

    Raises:
        ValueError: if `resize` is unknown, or is 'center_crop' without an `image_size`.
    """
    if resize is None:
        return 'none' if image_size is None else 'center_crop'
    if resize not in RESIZE:
        raise ValueError(f'`resize` must be one of {RESIZE} or None; got resize={resize!r}.')
    if resize == 'center_crop' and image_size is None:
        raise ValueError("resize='center_crop' needs `image_size`, for example image_size=(64, 64); got None.")
    return resize


def check_size(where, size, image_size, resize):
    """Checks that a picture of `size` (height, width) can be brought to `image_size`; `where` names it in messages.

    Raises:
        ValueError: if with resize='none' the sizes differ, or the picture is smaller.
    """
    found = f'{where} is {size[0]}x{size[1]} (height x width)'
    if resize == 'none' and size != tuple(image_size):
        raise ValueError(f"{found}, expected {image_size[0]}x{image_size[1]} with resize='none'. To crop and "
                         "downsample, give `image_size` and resize='center_crop'.")
    if size[0] < image_size[0] or size[1] < image_size[1]:
        raise ValueError(f'{found}, smaller than {image_size[0]}x{image_size[1]}; images are not enlarged. Remove it, '
                         'or give a smaller `image_size`.')


def center_crop(picture, image_size):
    """Returns a Pillow image of at least `image_size` (height, width) as uint8 `[*image_size, channels]`.

    The largest central window of that shape, rounded to whole pixels, is cut out and downsampled with an antialiased
    bicubic filter. A picture that has the size already keeps its pixels.
    """
    from PIL import Image
    height, width = image_size
    scale = min(picture.height / height, picture.width / width)
    window_height, window_width = round(height * scale), round(width * scale)
    top, left = (picture.height - window_height) // 2, (picture.width - window_width) // 2
    box = (left, top, left + window_width, top + window_height)
    # Cut first: `resize` with a box would let the filter see pixels beyond the window.
    window = picture.crop(box)
    pixels = np.asarray(window.resize((width, height), Image.Resampling.BICUBIC), np.uint8)
    return pixels.reshape(height, width, -1)
