"""Where images come from: one string that names the source."""
import pathlib

from tfwolf import validate
from tfwolf.data import arrays
from tfwolf.data import digits
from tfwolf.data import folder
from tfwolf.data import synthetic
from tfwolf.data import tfds_images

# Of each scheme: what follows the colon, and which of the options it takes.
SCHEMES = {
    'digits': ('', ()),
    'synthetic': ('', ('image_size', 'channels', 'num_examples', 'test_size')),
    'tfds': ('NAME', ('image_size', 'resize', 'crop_size', 'shorter_side', 'test_size')),
    'folder': ('PATH', ('image_size', 'resize', 'crop_size', 'shorter_side', 'channels', 'test_size')),
    'npz': ('PATH', ('test_size',)),
}


def load_dataset(source, data_dir=None, download=True, validation_size=0.1, image_size=None, resize=None, crop_size=None,
                 shorter_side=None, channels=None, test_size=None, num_examples=None):
    """Returns the `ImageDataset` that `source` names.

    An option that is None takes the source's default; an option that the source has no use for is an error.

    Args:
        source: 'digits', 'synthetic', 'tfds:NAME' (for example 'tfds:cifar10'), 'folder:PATH' or 'npz:PATH'.
        data_dir: folder of TensorFlow Datasets (None: its default); only `tfds:` reads it.
        download: whether `tfds:` may download and prepare what is not in `data_dir`.
        validation_size: which end of the training examples is for validation: an integer is a number of examples, a
            float in (0, 1) a fraction (rounded), 0 none.
        image_size: (height, width) of all images.
        resize: 'center_crop' (the largest central window of that shape, then downsampled), 'random_crop' (downsampled to
            `shorter_side`, then a window, a new one at every reading in training) or 'none' (all images must have the size already).
            Default: 'center_crop' where `image_size` is given, else 'none'.
        crop_size: (height, width) of the central part that is cut out before anything else.
        shorter_side: pixels of the shorter side, for resize='random_crop'.
        channels: integer, 1 or 3 for `folder:`, anything for `synthetic`.
        test_size: as `validation_size`, how many examples to hold out as test where the source has no test split (0.1).
        num_examples: integer, the size of all splits together (512); only for `synthetic`.

    Raises:
        ValueError: if the source is unknown, has no use for an option given, or cannot be read.
    """
    scheme, location = _parse(source)
    options = {'image_size': image_size, 'resize': resize, 'crop_size': crop_size, 'shorter_side': shorter_side, 'channels': channels,
               'test_size': test_size, 'num_examples': num_examples}
    options = {name: value for name, value in options.items() if value is not None}
    for name, value in options.items():
        if name not in SCHEMES[scheme][1]:
            raise ValueError(f'The source {source!r} has no use for `{name}`; got {name}={value!r}. Its options are '
                             f'{["validation_size", *SCHEMES[scheme][1]]}.')
    for name in {'image_size', 'crop_size'} & set(options):
        options[name] = _size(name, options[name])
    if scheme == 'digits':
        return digits.load_digits(validation_size)
    if scheme == 'synthetic':
        return synthetic.load_synthetic(validation_size, **options)
    if scheme == 'tfds':
        return tfds_images.load_tfds(location, data_dir, download, validation_size, **options)
    path = pathlib.Path(location).expanduser()
    load = folder.load_folder if scheme == 'folder' else arrays.load_npz
    return load(path, validation_size, **options)


def _parse(source):
    """Returns the scheme and the location that `source` names."""
    scheme, colon, location = source.partition(':') if isinstance(source, str) else (None, '', '')
    if scheme not in SCHEMES or bool(SCHEMES[scheme][0]) != bool(location) or bool(colon) != bool(location):
        known = ', '.join(repr(f'{name}:{place}' if place else name) for name, (place, _) in SCHEMES.items())
        raise ValueError(f'`source` must be one of {known}; got source={source!r}.')
    return scheme, location


def _size(name, value):
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(f'`{name}` must be (height, width); got {name}={value!r}.')
    return tuple(validate.integer(name, size, 1) for size in value)
