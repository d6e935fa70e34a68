"""Give each image the z of another image (Wolf, figures 1 and 7 to 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags

if TYPE_CHECKING:
    from tfwolf.cli import images

EXAMPLES = (
    'switch --train_dir=runs/digits --num_pairs=8',
    'switch --train_dir=runs/cifar10 --images=a.png,b.png --resize',
)

# Number of images among which pairs of one class are searched.
SEARCHED = 1000


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Switch')
    options.integer(
        'num_pairs',
        8,
        'Pairs of images, one per column. Each two of --images or --positions are a pair.',
        lower_bound=1,
    )
    options.boolean('within_class', False, 'Pair images of the same class.')
    groups.images(options)
    groups.grids(options)
    groups.results(options)


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.analysis.interpolation import switched
    from tfwolf.cli import images, opening
    from tfwolf.cli.image_names import image_names
    from tfwolf.pictures.grids import marked
    from tfwolf.plots.labelled_grid import Labels

    run = opening.open_run(options)
    if not run.model.latent.has_z:
        raise ValueError('The switch needs a model with a latent z; this model has none.')
    chosen = images.chosen_images(
        options, run, 2 * options.num_pairs, _within_class if options.within_class else None
    )
    if len(chosen.images) % 2:
        raise ValueError(
            f'The switch needs pairs of images, an even number; got {len(chosen.images)}.'
        )
    folder = opening.result_folder(options, 'switch', run, chosen.details)
    coder = opening.coder(options, run)
    if run.model.condition is not None:
        print(f'The condition, {run.model.condition.description}, goes with v.')
    code = coder.encode(chosen.images, chosen.labels)
    (z_of_a, finite_a), (z_of_b, finite_b) = switched(coder, code[0::2], code[1::2])
    image_a, image_b = chosen.images[0::2], chosen.images[1::2]
    rows = [image_a, image_b, marked(z_of_a, finite_a), marked(z_of_b, finite_b)]
    names = image_names(chosen, run)
    pairs = [f'A: {of_a}\nB: {of_b}' for of_a, of_b in zip(names[0::2], names[1::2])]
    labels = Labels(rows=['A', 'B', 'z of A, v of B', 'z of B, v of A'], columns=pairs)
    folder.grid('switch', np.concatenate(rows), len(image_a), labels)
    change = np.abs(np.stack([z_of_a, z_of_b]).astype(int) - np.stack([image_b, image_a])).mean()
    print(f'Another z changes a pixel value by {change:.2f} of 255 on average.')
    folder.finish(
        {
            'num_pairs': len(image_a),
            'mean_change': float(change),
            'num_not_finite': int((~finite_a).sum() + (~finite_b).sum()),
        }
    )


def _within_class(split: images.LabelledSplit, count: int) -> np.ndarray:
    from tfwolf.analysis.interpolation import pairs_within_class

    labels = split.load(np.arange(min(SEARCHED, split.split.num_examples)))[1]
    return pairs_within_class(labels, count // 2).reshape(-1)
