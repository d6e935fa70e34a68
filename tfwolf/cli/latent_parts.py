"""The pictures of what z and v hold, each in a folder of its own."""

from __future__ import annotations

import numpy as np

from tfwolf.analysis.compression import compress
from tfwolf.analysis.directions import along_direction
from tfwolf.analysis.extrapolation import larger_samples
from tfwolf.analysis.label_shuffle import shuffle_labels
from tfwolf.analysis.manifold import manifold
from tfwolf.cli.image_names import image_names, temperature_text
from tfwolf.cli.latent_context import Context
from tfwolf.cli.marks import chosen_mark
from tfwolf.pictures.grids import marked
from tfwolf.plots.labelled_grid import Labels


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
    labels = Labels(
        rows=image_names(chosen, run),
        columns=[f'{step:+.3g}'.replace('-', '−') if step else 'image' for step in steps],
        column_axis=f'{of} moved along "{mark.name}", in distances of the means',
    )
    folder.grid('attribute', context.flat(found), options.num_steps, labels)
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
    of_a, of_b, of_c, of_d = image_names(chosen, context.run)
    labels = Labels(
        f'A: {of_a} at φ = 0°, φ′ = 0°; B: {of_b} at 0°, 90°; C: {of_c} at 90°, 0°; '
        f'D: {of_d} at 90°, 90°',
        degrees,
        degrees,
        'φ, from A and B to C and D',
        'φ′, from A and C to B and D',
    )
    folder.grid('manifold', context.flat(found), count, labels)
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
    names = image_names(chosen, context.run)
    for name, of_rest in found.items():
        shares = [f'{100 * fraction:.4g} % of v' for fraction in of_rest.fractions]
        labels = Labels('', shares, names, f'kept; the rest is {name.replace("zeroed", "zero")}')
        folder.grid(f'compression_{name}', context.flat(of_rest), len(names), labels)
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
        temperatures = temperature_text(options.temperature_v, options.temperature_z)
        title = Labels(f'samples of {scale} times the size, {temperatures}')
        folder.grid(f'extrapolation_x{scale}', marked(*samples), 2, title)
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
    rows = np.concatenate([chosen.images, marked(*found)])
    names = [name_of(label) for label in (*own_labels, *labels)]
    changes = [f'{own}\n→ {other}' for own, other in zip(names, names[len(labels) :])]
    folder.grid('shuffle', rows, len(labels), Labels('', ['image', 'v, other label'], changes))
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
