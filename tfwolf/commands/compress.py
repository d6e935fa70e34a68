"""Compress images without loss, with a model as their probability."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags
from tfwolf.core.choices import SPLITS

if TYPE_CHECKING:
    import numpy as np

    from tfwolf.runs.run import Run

EXAMPLES = (
    'compress first.png second.png --pretrained=cifar10_small --output=images.tfwolf',
    'compress --train_dir=runs/digits --split=test --compare --output=test.tfwolf',
)


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    groups.run(options)
    # Arguments without a name are images.
    options.argument = None
    options.arguments = 'images'
    options.group('Images')
    options.repeated(
        'images', 'Image files, also without --images= in front of them.', 'FILE,FILE,...'
    )
    options.choice('split', None, SPLITS, 'Instead: images of this split of the data set.')
    options.integer('num_images', None, 'With --split: the first N images only.', lower_bound=1)
    options.group('Output')
    options.path('output', None, 'File of the compressed images.', 'FILE')
    options.boolean('overwrite', False, 'Replace --output if it exists.')
    options.boolean('verify', True, 'Decompress the result and compare before it is written.')
    options.boolean('compare', False, "Also measure the model's bound, PNG and WebP.")
    options.group('Code')
    options.integer(
        'fraction_bits',
        None,
        'Bits of all values after the binary point. Default: 12, or 4 more than those of a color.',
        lower_bound=1,
    )
    options.integer('scale_bits', 12, 'Bits of the scales of layers, 8 to 16.', lower_bound=8)
    options.integer('group_size', 32, 'Images that are coded at once, at most.', lower_bound=1)
    groups.experiment(options)
    groups.data(options)


def main(options: Flags) -> None:
    """Run the command."""
    from time import perf_counter

    from tfwolf.cli import opening
    from tfwolf.coding.archive import compress_images
    from tfwolf.core import files
    from tfwolf.core.extras import require_extra

    options.require('output')
    require_extra('compress')
    if os.path.lexists(options.output) and not options.overwrite:
        raise ValueError(f'--output={options.output} exists. --overwrite replaces it.')
    if not os.path.isdir(os.path.dirname(os.path.abspath(options.output))):
        raise ValueError(f'The folder of --output={options.output} does not exist.')
    if bool(options.images) == bool(options.split):
        raise ValueError('Give the image files, or --split for images of the data set.')
    if options.num_images and not options.split:
        raise ValueError('--num_images needs --split.')
    run = opening.open_run(options)
    names, images = _images(options, run)
    start = perf_counter()
    content = compress_images(
        run.model,
        images,
        names,
        options.fraction_bits,
        options.scale_bits,
        options.group_size,
        options.verify,
        show_progress=True,
    )
    seconds = perf_counter() - start
    with files.atomic_path(options.output) as temporary, open(temporary, 'wb') as file:
        file.write(content)
    print(
        f'{_count(images)}, {images.size:,} values, {len(content):,} bytes, '
        f'{8 * len(content) / images.size:.4f} bits/dim with everything in the file\n'
        f'{len(images) / seconds:.2f} images/s'
        f'{", decompressed and compared too" if options.verify else ""}'
    )
    if options.compare:
        _compare(run, images, content)
    print(f'Written to {options.output}')


def _images(options: Flags, run: Run) -> tuple[list[str] | None, np.ndarray]:
    """Return the names of the images, None for those of a split, and the images."""
    import numpy as np

    from tfwolf.cli.exact_images import picture_names, read_exactly
    from tfwolf.cli.images import LabelledSplit, named_files
    from tfwolf.data.preprocess import at_num_bits

    if options.images:
        paths = named_files(options.images)
        return picture_names(paths), read_exactly(paths, run.model.image_shape)
    split = LabelledSplit(run.dataset, options.split)
    count = options.num_images or split.split.num_examples
    images = split.load(np.arange(count))[0]
    of_model = at_num_bits(images, run.model.color_bits).numpy()
    if not np.array_equal(images, of_model):
        print(f"The images are coded with the model's {run.model.color_bits} bits per color value.")
    # Without names they are numbered when they are decompressed.
    return None, of_model


def _compare(run: Run, images: np.ndarray, content: bytes) -> None:
    """Print bits per dimension of the code and its parts, the bound, PNG and WebP."""
    from tfwolf.coding.archive import describe
    from tfwolf.coding.comparison import FORMATS, bound_bits_per_dim, format_bits_per_dim

    found = describe(content)
    coded = images[found.num_first :]
    rows = [('the whole file', 8 * len(content) / images.size)]
    if len(coded):
        rows += [
            (f'the payload of all {len(images):,} images', 8 * found.payload_bytes / images.size),
            (
                f'the {len(coded):,} images coded by the model',
                8 * (found.payload_bytes - found.first_bytes) / coded.size,
            ),
            ('the bound of these images', bound_bits_per_dim(run.model, coded)),
        ]
    if images.shape[-1] in (1, 3):
        for name in FORMATS:
            each, together = format_bits_per_dim(images, name)
            rows += [(f'{name}, a file each', each), (f'{name}, one picture of all', together)]
    for name, bits in rows:
        print(f'  {name:38}{bits:9.4f} bits/dim')


def _count(images: np.ndarray) -> str:
    return f'{len(images):,} image{"" if len(images) == 1 else "s"}'
