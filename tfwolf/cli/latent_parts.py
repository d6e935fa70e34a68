"""The pictures of what z and v hold, each in a folder of its own."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from tfwolf.analysis.coder import Coder, Decoded
from tfwolf.analysis.compression import Compressed, compress
from tfwolf.analysis.directions import along_direction
from tfwolf.analysis.extrapolation import larger_samples
from tfwolf.analysis.label_shuffle import shuffle_labels
from tfwolf.analysis.manifold import manifold
from tfwolf.cli import opening
from tfwolf.cli.flags import Flags
from tfwolf.cli.images import Chosen, chosen_images
from tfwolf.cli.marks import chosen_mark
from tfwolf.pictures.grids import captioned, image_grid, marked, titled
from tfwolf.runs.results import ResultFolder
from tfwolf.runs.run import Run


class Context(NamedTuple):
    """Input of each part: flags, `Run`, `Coder` of its model, and the folder of all parts."""

    options: Flags
    run: Run
    coder: Coder
    base: str

    def chosen(self, count: int | None = None) -> Chosen:
        """Return the images that the flags choose, `count` (default: --num_images) if none."""
        return chosen_images(self.options, self.run, count or self.options.num_images)

    def folder(self, name: str, settings: dict) -> ResultFolder:
        """Return the folder for the results of a part."""
        return opening.result_folder(
            self.options, f'latents {name}', self.run, settings, os.path.join(self.base, name)
        )

    def flat(self, found: Decoded | Compressed) -> np.ndarray:
        """Return decoded images as one list; those that are not finite are crossed out."""
        return marked(
            found.images.reshape(-1, *self.run.model.image_shape), found.finite.reshape(-1)
        )


def show_attribute(context: Context) -> None:
    """Show images with less and more of the average difference of an attribute or a class."""
    options, run, coder, _ = context
    of = options.of or ('z' if run.model.latent.has_z else 'v')
    chosen = context.chosen()
    train = run.dataset.train.take(options.num_labelled)
    mark = chosen_mark(options, run.dataset)
    folder = context.folder(
        'attribute',
        {
            **chosen.details,
            'of': of,
            **mark.details,
            **options.chosen('num_labelled', 'num_steps', 'strength'),
        },
    )
    direction = mark.direction(coder, train)
    found = along_direction(
        coder,
        coder.encode(chosen.images, chosen.labels),
        direction,
        of,
        options.num_steps,
        options.strength,
    )
    steps = np.linspace(-options.strength, options.strength, options.num_steps)
    grid = image_grid(context.flat(found), columns=options.num_steps)
    folder.picture(
        'attribute',
        titled(
            captioned(grid, (), [f'{step:+.3g}' if step else 'image' for step in steps]),
            f'{mark.name}, added to {of}',
        ),
    )
    folder.finish(
        {
            'num_with': direction.num_with,
            'num_without': direction.num_without,
            **mark.details,
            'of': of,
            'length': float(np.linalg.norm(getattr(direction.code, of))),
            'num_not_finite': _broken(found),
        }
    )


def show_manifold(context: Context) -> None:
    """Show the surface through four images."""
    chosen, count = context.chosen(4), context.options.num_angles
    folder = context.folder('manifold', {**chosen.details, **context.options.chosen('num_angles')})
    found = manifold(context.coder, context.coder.encode(chosen.images, chosen.labels), count)
    quarter = count // 4
    degrees = [f'{360 * number / count:.3g}°' for number in range(count)]
    folder.picture(
        'manifold', captioned(image_grid(context.flat(found), columns=count), degrees, degrees)
    )
    folder.finish(
        {
            'places_of_the_images': [(0, 0), (0, quarter), (quarter, 0), (quarter, quarter)],
            'num_not_finite': _broken(found),
        }
    )


def show_compression(context: Context) -> None:
    """Show images of which only the coarsest part of v is kept."""
    chosen, coder = context.chosen(), context.coder
    code = coder.encode(chosen.images, chosen.labels)
    found = {
        'resampled': compress(coder, code, context.options.seed),
        'zeroed': compress(coder, code),
    }
    folder = context.folder('compression', chosen.details)
    for name, of_rest in found.items():
        grid = image_grid(context.flat(of_rest), columns=len(chosen.images))
        folder.picture(
            f'compression_{name}',
            captioned(
                grid, [f'{fraction:.4g} % of v' for fraction in 100 * np.array(of_rest.fractions)]
            ),
        )
    folder.finish(
        {
            'fractions': found['zeroed'].fractions,
            'num_not_finite': {name: _broken(of_rest) for name, of_rest in found.items()},
        }
    )


def show_extrapolation(context: Context) -> None:
    """Show samples larger than the images of training."""
    options = context.options
    found = {
        scale: larger_samples(
            context.run.model,
            scale,
            options.num_samples,
            options.seed,
            options.temperature_v,
            options.temperature_z,
        )
        for scale in options.scale
    }
    folder = context.folder(
        'extrapolation', options.chosen('scale', 'num_samples', 'temperature_v', 'temperature_z')
    )
    for scale, samples in found.items():
        folder.picture(
            f'extrapolation_x{scale}', image_grid(marked(samples.images, samples.finite), columns=2)
        )
    folder.finish(
        {
            'num_samples': options.num_samples,
            'num_not_finite': {str(scale): _broken(samples) for scale, samples in found.items()},
        }
    )


def show_shuffle(context: Context) -> None:
    """Show images decoded with the labels of others."""
    if not context.run.model.latent.needs_labels:
        raise ValueError(
            'A shuffle of labels needs a model whose z comes from class labels (ClassLatent or '
            'LabelCondition); this one has none.'
        )
    chosen = context.chosen()
    own_labels, name_of = np.asarray(chosen.labels), context.run.dataset.class_name
    folder = context.folder('shuffle', chosen.details)
    found, labels = shuffle_labels(context.coder, chosen.images, own_labels, context.options.seed)
    pairs = np.stack([chosen.images, marked(*found)], axis=1)
    folder.picture(
        'shuffle',
        captioned(
            image_grid(pairs.reshape(-1, *pairs.shape[2:]), columns=2),
            [f'{name_of(own)} -> {name_of(other)}' for own, other in zip(own_labels, labels)],
            ['image', 'other label'],
        ),
    )
    folder.finish(
        {
            'labels': own_labels.tolist(),
            'shuffled': labels.tolist(),
            'classes': [name_of(label) for label in own_labels],
            'shuffled_classes': [name_of(label) for label in labels],
            'num_not_finite': _broken(found),
        }
    )


def _broken(found) -> int:
    return int((~found.finite).sum())


PARTS = {
    'attribute': show_attribute,
    'manifold': show_manifold,
    'compression': show_compression,
    'extrapolation': show_extrapolation,
    'shuffle': show_shuffle,
}
