"""Images that lie as files in a folder."""
import concurrent.futures
import math
import pathlib

import numpy as np
import tensorflow as tf

from tfwolf.data import dataset
from tfwolf.data import fit as fitting
from tfwolf.data import holdout

EXTENSIONS = ('.png', '.jpg', '.jpeg', '.bmp', '.gif')
GREY_MODES = ('1', 'L', 'LA')
COLOUR_MODES = ('P', 'PA', 'RGB', 'RGBA', 'CMYK', 'YCbCr', 'LAB', 'HSV')


class FileSplit(dataset.Split):
    """Image files that are decoded whenever they are read."""

    def __init__(self, paths, labels, fit, channels):
        super().__init__(len(paths))
        self._fit, self._channels = fit, channels
        self._shape = (*fit.image_size, channels)
        self._paths = dataset.host_tensor([str(path) for path in paths], tf.string)
        self._labels = dataset.host_tensor(labels, tf.int64)

    def load(self, indices, seed=None):
        """As `Split.load`; decodes, resizes and cuts the files on the host."""
        with tf.device('CPU:0'):
            paths = tf.gather(self._paths, indices)
            images = tf.numpy_function(self._read, [paths, dataset.window_places(tf.size(indices), seed)], tf.uint8)
            images = tf.ensure_shape(images, paths.shape.concatenate(self._shape))
            return {'image': images, 'label': tf.gather(self._labels, indices)}

    def _read(self, paths, places):
        return np.stack([read_image(path.decode(), self._fit, self._channels, place) for path, place in zip(paths, places)])


def load_folder(path, validation_size, image_size=None, resize=None, crop_size=None, shorter_side=None, channels=None, test_size=None):
    """Returns the PNG, JPEG, BMP and GIF (first frame) files under the folder `path` as an `ImageDataset`.

    Either `path` holds the folders `train` and `test` (others are not read), or `test_size` of its images are held out.
    Images lie directly in a folder, or in one folder per class, whose sorted names are the labels. Every split is in a
    fixed mixed order. All files are opened and checked here, before any training; transparency is dropped.

    Args:
        path: string.
        validation_size, image_size, resize, crop_size, shorter_side, test_size: see `sources.load_dataset`.
        channels: 1, 3, or None for what the first image has; after a grey one, colour is then refused.

    Raises:
        ValueError: naming the path, if the folder is missing, empty or laid out otherwise, or an image cannot be read
            or does not fit.
    """
    if channels not in (None, 1, 3) or isinstance(channels, bool):
        raise ValueError(f'`channels` must be 1 (grey), 3 (colour) or None (as the first image); got {channels!r}.')
    fit = fitting.make_fit(image_size, resize, crop_size, shorter_side)
    root = pathlib.Path(path).expanduser()
    if not root.is_dir():
        raise ValueError(f'There is no folder {root}. Expected a folder of image files.')
    parts = [root / part for part in ('train', 'test') if (root / part).is_dir()]
    if len(parts) == 1:
        raise ValueError(f"{root} holds {parts[0].name!r} alone. Expected both 'train' and 'test', or neither; to hold "
                         f'out test images of {parts[0]}, give that folder as the source.')
    if parts and test_size is not None:
        raise ValueError(f"`test_size` has no use for {root}, which has a folder 'test'; got test_size={test_size!r}.")
    listings = [_list_images(part) for part in parts or [root]]
    classes = listings[0][2]
    for part, (_, _, names) in zip(parts, listings):
        if names != classes:
            raise ValueError(f'{part} must hold the same class folders as {parts[0]}; got {names} and {classes}.')
    fit, channels = _check_files([file for files, _, _ in listings for file in files], fit, channels)
    splits = [_make_split(files, labels, fit, channels) for files, labels, _ in listings]
    training, test = splits if parts else holdout.hold_out(splits[0], 0.1 if test_size is None else test_size)
    train, validation = holdout.split_validation(training, validation_size)
    return dataset.ImageDataset(root.resolve().name, (*fit.image_size, channels), len(classes) or None, train, validation, test)


def read_image(path, fit, channels, place=fitting.CENTRE):
    """Returns the file `path` as uint8 `[height, width, channels]`, made to fit; `place` is that of a random window.

    Raises:
        ValueError: naming the path, if the file cannot be decoded.
    """
    from PIL import Image
    try:
        with Image.open(path) as picture:
            return fit(picture.convert('L' if channels == 1 else 'RGB'), place)
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f'The image {path} cannot be decoded: {error}. Replace or remove it.') from error


def _list_images(folder):
    """Returns the image files of a folder, their labels, and the names of the classes, all sorted by name."""
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith('.'))
    classes = [entry for entry in entries if entry.is_dir()]
    loose = [entry for entry in entries if entry.suffix.lower() in EXTENSIONS and not entry.is_dir()]
    if classes and loose:
        raise ValueError(f'{folder} holds both images (such as {loose[0].name}) and folders (such as {classes[0].name}'
                         '). Expected either images or one folder per class.')
    files, labels = loose, [-1] * len(loose)
    for label, entry in enumerate(classes):
        found = sorted(file for file in entry.iterdir() if file.suffix.lower() in EXTENSIONS and file.name[0] != '.')
        if not found:
            raise ValueError(f'The folder {entry} holds no images ({", ".join(EXTENSIONS)}). Fill or remove it.')
        files, labels = files + found, labels + [label] * len(found)
    if not files:
        raise ValueError(f'The folder {folder} holds no images ({", ".join(EXTENSIONS)}).')
    return files, labels, [entry.name for entry in classes]


def _check_files(files, fit, channels):
    """Opens every file, so that a bad one is named before training, and returns how all fit and their number of channels."""
    from PIL import Image
    guessed = channels is None
    for path in _progress(files, 'Checking images'):
        try:
            with Image.open(path) as picture:
                size, mode = (picture.height, picture.width), picture.mode
                picture.verify()
        except (OSError, SyntaxError, ValueError) as error:
            raise ValueError(f'The image {path} cannot be read: {error}. Replace or remove it.') from error
        if mode not in GREY_MODES + COLOUR_MODES:
            raise ValueError(f'The image {path} has Pillow mode {mode!r}; expected 8 bits per channel. Convert it.')
        fit = fit or fitting.Fit(size)
        channels = channels or (1 if mode in GREY_MODES else 3)
        if guessed and channels == 1 and mode in COLOUR_MODES:
            raise ValueError(f'The image {path} has colours, but the first, {files[0]}, is grey. Give channels=1 or 3.')
        fit.check(f'The image {path}', size)
    return fit, channels


def _make_split(files, labels, fit, channels):
    shape = (*fit.image_size, channels)
    order = holdout.mixed_order(len(files))
    files, labels = [files[i] for i in order], np.array(labels)[order]
    if fit.is_random or len(files) * math.prod(shape) > dataset.IN_MEMORY_BYTES:
        return FileSplit(files, labels, fit, channels)
    return dataset.ArraySplit(lambda: (_decode(files, fit, channels), labels), len(files), shape)


def _decode(files, fit, channels):
    images = np.empty((len(files), *fit.image_size, channels), np.uint8)
    with concurrent.futures.ThreadPoolExecutor() as pool:  # Pillow decodes outside Python's lock
        decoded = pool.map(lambda file: read_image(file, fit, channels), files)
        for i, image in enumerate(_progress(decoded, 'Decoding images', len(files))):
            images[i] = image
    return images


def _progress(items, text, total=None):
    import tqdm
    return tqdm.tqdm(items, text, total, delay=3, disable=None, unit='image', leave=False)
