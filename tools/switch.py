"""Gives each image the z of another: `python tools/switch.py --train_dir=runs/digits --num_pairs=8`
(Wolf, figures 1 and 7 to 11).
"""

import pathlib
import sys

sys.path.insert(
    0, str(pathlib.Path(__file__).resolve().parents[1])
)  # so that a clone that is not installed will do

import numpy as np

from tfwolf.analysis.interpolation import pairs_within_class, switched
from tfwolf.commands import flags, images, opening
from tfwolf.commands import main as command
from tfwolf.pictures.grids import captioned, image_grid, marked

# Among so many images pairs within a class are looked for.
SEARCHED = 1000


def define_flags(options: flags.Flags) -> None:
    """Defines the flags of this command alone."""
    options.integer(
        'num_pairs',
        8,
        'How many pairs of images, a column each; of --images and --positions each two are one.',
        lower_bound=1,
    )
    options.boolean('within_class', False, 'Pair images of one class.')


def main(options: flags.Flags) -> None:
    """Runs the command."""
    run = opening.open_run(options)
    if not run.model.latent.has_z:
        raise ValueError('The switch needs a model with a latent z; this one has none.')
    chosen = images.chosen_images(
        options, run, 2 * options.num_pairs, _within_class if options.within_class else None
    )
    if len(chosen.images) % 2:
        raise ValueError(
            f'The switch needs pairs of images, an even number; got {len(chosen.images)}.'
        )
    folder = opening.result_folder(options, 'switch', run, chosen.details)
    coder = opening.coder(options, run)
    code = coder.encode(chosen.images, chosen.labels)
    (z_of_a, finite_a), (z_of_b, finite_b) = switched(coder, code[0::2], code[1::2])
    image_a, image_b = chosen.images[0::2], chosen.images[1::2]
    rows = [image_a, image_b, marked(z_of_a, finite_a), marked(z_of_b, finite_b)]
    folder.picture(
        'switch',
        captioned(
            image_grid(np.concatenate(rows), columns=len(image_a)),
            ['a', 'b', 'z of a, v of b', 'z of b, v of a'],
        ),
    )
    change = np.abs(np.stack([z_of_a, z_of_b]).astype(int) - np.stack([image_b, image_a])).mean()
    print(f'Another z changes a colour value by {change:.2f} of 255 in the mean')
    folder.finish(
        {
            'num_pairs': len(image_a),
            'mean_change': float(change),
            'num_not_finite': int((~finite_a).sum() + (~finite_b).sum()),
        }
    )


def _within_class(split: images.LabelledSplit, count: int) -> np.ndarray:
    labels = split.load(np.arange(min(SEARCHED, split.split.num_examples)))[1]
    return pairs_within_class(labels, count // 2).reshape(-1)


if __name__ == '__main__':
    command.run(main, define_flags, images.define_flags, flags.results)
