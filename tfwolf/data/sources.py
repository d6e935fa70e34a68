"""Where images come from: one string that names the source, and the options of that source."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from tfwolf.core.messages import did_you_mean
from tfwolf.core.parts import register
from tfwolf.data.dataset import ImageDataset
from tfwolf.data.registry import RegisteredSource, known_sources


@dataclasses.dataclass(frozen=True)
class DataSource:
    """Images that can be loaded: a source and its options, checked when the object is made and read
    when it is loaded.

    Args:
        source: for example 'digits', 'tfds:cifar10' or 'folder:PATH', see `load_dataset`.
        options: options of the source by name; those that are None are left out.

    Raises:
        ValueError: as `check_options`.
    """

    source: str
    options: Mapping[str, object] = dataclasses.field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self,
            'options',
            {name: value for name, value in self.options.items() if value is not None},
        )
        check_options(self.source, self.options)

    def load(self, data_dir: str | None = None, download: bool = True) -> ImageDataset:
        """Returns the `ImageDataset`.

        Args:
            data_dir: folder of TensorFlow Datasets (None: its default); only `tfds:` reads it.
            download: whether `tfds:` may download and prepare what is not in `data_dir`.

        Raises:
            ValueError: if the images cannot be read, or an option does not fit them.
        """
        found, location = _parse(self.source)
        places = {
            'data_dir': data_dir,
            'download': download,
            **({'location': location} if location else {}),
        }
        taken = {name: value for name, value in places.items() if found.takes(name)}
        return found.load(**taken, **found.arguments(self.options))


@register(name='dataset')
def load_dataset(
    source: str, data_dir: str | None = None, download: bool = True, **options: object
) -> ImageDataset:
    """Returns the `ImageDataset` that `source` names.

    An option that is None takes the source's default; an option that the source has no use for is
    an error. The options of a source are the arguments of its function; those of the sources of
    this package are:

    validation_size (all): which end of the training examples is for validation: an integer is a
        number of examples, a float in (0, 1) a fraction (rounded), 0 none (0.1).
    test_size (all but `digits`): as `validation_size`, how many examples to hold out as test where
        the source has no test split (0.1).
    image_size (`tfds:`, `folder:`, `synthetic`): (height, width) of all images, in pixels. resize
    (`tfds:`, `folder:`): 'center_crop' (the largest central window of that shape, then
    downsampled),
        'random_crop' (downsampled to `shorter_side`, then a window, a new one at every reading in
        training) or 'none' (all images must have the size already).
        Default: 'center_crop' where `image_size` is given, otherwise 'none'.
    crop_size (`tfds:`, `folder:`): (height, width) of the central part that is cut out before
    anything else, in pixels. shorter_side (`tfds:`, `folder:`): pixels of the shorter side, for
    resize='random_crop'. channels (`folder:`, `synthetic`): integer, 1 or 3 for `folder:`, anything
    for `synthetic`.
    num_examples (`synthetic`): integer, the size of all splits together (512).

    Args:
        source: 'digits', 'synthetic', 'tfds:NAME' (for example 'tfds:cifar10'), 'folder:PATH',
            'npz:PATH', or a source that was registered with `register_source`.
        data_dir: folder of TensorFlow Datasets (None: its default); only `tfds:` reads it.
        download: whether `tfds:` may download and prepare what is not in `data_dir`.
        **options: options of the source.

    Raises:
        ValueError: if the source is unknown, has no use for an option given, or cannot be read.
    """
    return DataSource(source, options).load(data_dir, download)


def check_options(source: str, options: Mapping[str, object]) -> None:
    """Checks a source and the names of its options, without reading any images; sizes of images are
    checked, too.

    Args:
        source: see `load_dataset`.
        options: options by name; those that are None are not checked.

    Raises:
        ValueError: if the source is unknown, or has no use for an option, which the message names
            with the options that there are.
    """
    _parse(source)[0].arguments(
        {name: value for name, value in options.items() if value is not None}
    )


def is_source(source: object) -> bool:
    """Whether `source` is a text that names a known source, whatever may be wrong behind its colon."""
    return isinstance(source, str) and source.partition(':')[0] in known_sources()


def _parse(source: str) -> tuple[RegisteredSource, str]:
    """Returns the registered source and the location that `source` names."""
    scheme, colon, location = source.partition(':') if isinstance(source, str) else (None, '', '')
    known = known_sources()
    found = known.get(scheme)
    fits = found and (bool(found.location) if location else found.location_is_optional)
    if not fits or bool(colon) != bool(location):
        forms = ', '.join(repr(other.form) for other in known.values())
        raise ValueError(
            f'`source` must be one of {forms}; got source={source!r}.'
            f'{"" if found else did_you_mean(scheme, known)}'
        )
    return found, location
