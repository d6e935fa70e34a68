"""Decompress images that `tfwolf compress` wrote, exactly."""

from __future__ import annotations

import os

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags

EXAMPLES = ('decompress images.tfwolf --pretrained=cifar10_small --output_dir=images',)
# File of --save=npz.
ARRAY = 'images.npz'


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    groups.run(options)
    options.group('Files')
    options.path('file', None, 'File of compressed images; also without --file=.', 'FILE')
    options.argument = 'file'
    options.path('output_dir', None, 'Folder of the images; files in it are kept.', 'FOLDER')
    options.choice(
        'save',
        'png',
        ['png', 'npz'],
        'Each image as a PNG file under its name, or all in images.npz.',
    )
    groups.experiment(options)
    groups.data(options)


def main(options: Flags) -> None:
    """Run the command."""
    from time import perf_counter

    import numpy as np

    from tfwolf.cli import opening
    from tfwolf.cli.exact_images import MODES, check_free, write_pictures
    from tfwolf.coding.archive import describe, unpack_images
    from tfwolf.core import files
    from tfwolf.core.extras import require_extra

    options.require('file', 'output_dir')
    require_extra('compress')
    with open(options.file, 'rb') as file:
        content = file.read()
    # Before the model is loaded, which takes longer.
    parts = describe(content)
    names = parts.names or [f'{number:06}.png' for number in range(parts.num_images)]
    check_free(options.output_dir, names if options.save == 'png' else [ARRAY])
    run = opening.open_run(options)
    if options.save == 'png' and run.model.image_shape[-1] not in MODES:
        raise ValueError(
            f'PNG files have 1 or 3 channels, and the model {run.model.image_shape[-1]}; use '
            '--save=npz.'
        )
    start = perf_counter()
    found = unpack_images(run.model, content, show_progress=True)
    seconds = perf_counter() - start
    if options.save == 'png':
        write_pictures(options.output_dir, names, found.images)
    else:
        os.makedirs(options.output_dir, exist_ok=True)
        array = os.path.join(options.output_dir, ARRAY)
        with files.atomic_path(array) as temporary, open(temporary, 'wb') as file:
            np.savez_compressed(file, images=found.images, names=np.array(names))
    print(
        f'{len(names):,} image{"" if len(names) == 1 else "s"}, all pixels as they were, '
        f'{len(names) / seconds:.2f} images/s\nWritten to {options.output_dir}'
    )
