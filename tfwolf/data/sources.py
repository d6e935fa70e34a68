"""Image sources: a string that names the source, and its options."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from tfwolf.core.messages import did_you_mean
from tfwolf.core.parts import register
from tfwolf.data.data_record import DataRecord
from tfwolf.data.dataset import ImageDataset
from tfwolf.data.registry import RegisteredSource, known_sources


@dataclasses.dataclass(frozen=True)
class DataSource:
    """A source of images with its options, which are checked before any image is read.

    Args:
        source: for example 'digits', 'tfds:cifar10' or 'folder:PATH', see `load_dataset`.
        options: options of the source by name; options that are None are omitted.

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

    def load(
        self,
        data_dir: str | None = None,
        download: bool = True,
        record: DataRecord | None = None,
    ) -> ImageDataset:
        """Load and return the `ImageDataset`.

        Args:
            data_dir: folder of TensorFlow Datasets, used by `tfds:`; None for its default.
            download: whether `tfds:` may download and prepare data that are not in `data_dir`.
            record: what the run stored whose images these are, which says by which rules they are
                read; None for a new run.

        Raises:
            ValueError: if the images cannot be read, or an option does not fit them.
        """
        found, location = _parse(self.source)
        places = {
            'data_dir': data_dir,
            'download': download,
            'record': record,
            **({'location': location} if location else {}),
        }
        taken = {name: value for name, value in places.items() if found.takes(name)}
        return found.load(**taken, **found.arguments(self.options))


@register(name='dataset')
def load_dataset(
    source: str, data_dir: str | None = None, download: bool = True, **options: object
) -> ImageDataset:
    """Load and return the `ImageDataset` of a source.

    The options of a source are the arguments of its function; an option that is None has its
    default. The options of the sources in this package, with the sources that accept them and their
    defaults, are:

    - validation_size (all sources; 0.1): size of the validation split, which is held out of the
      training examples: an integer for a number of examples, a float in (0, 1) for a fraction,
      0 for none. Not used if the source has a validation split.
    - test_size (all but `digits`; 0.1): size of the test split that is held out, as
      `validation_size`; only for data without a test split.
    - image_size (`tfds:`, `folder:`, `npz:`, `synthetic`): (height, width) of all images in pixels.
    - resize (`tfds:`, `folder:`, `npz:`): 'center_crop' (the largest central crop of that aspect
      ratio, downsampled), 'random_crop' (downsampled to `shorter_side`, then cropped, in training
      at a new position each time; not for `npz:`), 'pad' (in the middle of a black image) or 'none'
      (all images already have the size). The default is 'center_crop' with `image_size` and 'none'
      without.
    - crop_size (`tfds:`, `folder:`, `npz:`): (height, width) in pixels of a central crop that is
      taken first.
    - shorter_side (`tfds:`, `folder:`): pixels of the shorter side for resize='random_crop'.
    - channels (`folder:`, `synthetic`): number of channels; 1 or 3 for `folder:`.
    - skip_bad_images (`folder:`; False): whether to go on without files that cannot be used.
    - value_range (`folder:`, `npz:`): (low, high) of the values in arrays that are not uint8.
    - value_type (`folder:`, `npz:`; 'uint8'): 'uint16' keeps integers up to 65535 for models of 9
      to 16 bits, 'float32' any numbers for models of continuous values.
    - label (`tfds:`, `folder:`, `npz:`): name of the binary attribute that is the class label, such
      as 'Smiling'; without it the label is the class, if there are classes.
    - num_examples (`synthetic`, 512; `toy:`, 50,000): number of examples in all splits.
    - columns, delimiter (`csv:`; all, ','): features by name or number, character between cells.

    Args:
        source: 'digits', 'synthetic', 'tfds:NAME' (for example 'tfds:cifar10'), 'folder:PATH',
            'npz:PATH', 'csv:PATH', 'toy:NAME', or a source that is registered with
            `register_source`.
        data_dir: folder of TensorFlow Datasets, used by `tfds:`; None for its default.
        download: whether `tfds:` may download and prepare data that are not in `data_dir`.
        **options: options of the source.

    Raises:
        ValueError: if the source is unknown or cannot be read, or does not accept an option.
    """
    return DataSource(source, options).load(data_dir, download)


def check_options(source: str, options: Mapping[str, object]) -> None:
    """Check a source, the names of its options and the sizes of images without reading images.

    Args:
        source: see `load_dataset`.
        options: options by name; options that are None are not checked.

    Raises:
        ValueError: if the source is unknown or does not accept an option; the message lists the
            options that it accepts.
    """
    _parse(source)[0].arguments(
        {name: value for name, value in options.items() if value is not None}
    )


def is_source(source: object) -> bool:
    """Return whether `source` starts with the name of a registered source."""
    return isinstance(source, str) and source.partition(':')[0] in known_sources()


def _parse(source: str) -> tuple[RegisteredSource, str]:
    """Return the registered source and the location of a source string."""
    name, colon, location = source.partition(':') if isinstance(source, str) else ('', '', '')
    known = known_sources()
    found = known.get(name)
    fits = found and (bool(found.location) if location else found.location_is_optional)
    if not found or not fits or bool(colon) != bool(location):
        forms = ', '.join(repr(other.form) for other in known.values())
        raise ValueError(
            f'`source` must be one of {forms}; got source={source!r}.'
            f'{"" if found else did_you_mean(name, known)}'
        )
    return found, location
