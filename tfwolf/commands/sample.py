"""Draw samples of a model as one picture, and as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags

if TYPE_CHECKING:
    from tfwolf.runs.results import ResultFolder

EXAMPLES = (
    'sample --train_dir=runs/digits --num_samples=64 --temperature_v=0.8 --temperature_z=0.8',
    'sample --train_dir=runs/digits --temperatures=0,0.25,0.6,0.7,0.8,0.9,1 --num_samples=10',
    'sample --train_dir=runs/superresolution --positions=3,17 --num_samples=8',
)

# Samples for each condition.
DRAWS = 4


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Samples')
    options.integer(
        'num_samples',
        64,
        'Number of samples; with --temperatures per row. Default with a condition: '
        f'{DRAWS} per image.',
        lower_bound=1,
    )
    groups.temperatures(options)
    options.list(
        'temperatures',
        None,
        'Instead: temperatures of both, a row of the same noise for each (Glow, figure 8).',
        '0,0.7,1',
    )
    options.string(
        'label',
        None,
        'Class of all samples, for a model of classes: its name or number.',
        'CLASS',
    )
    options.choice(
        'save',
        'none',
        ['none', 'png', 'npz'],
        'In addition to the picture: each sample as samples/NUMBER.png, or all in samples.npz.',
    )
    groups.images(options, 'Conditions, for a model that has one: of these images')
    options.integer('num_images', 8, 'Number of images, one per column.', lower_bound=1)
    options.repeated(
        'condition_images',
        'Your own image files that are conditions, such as images of low resolution.',
        'FILE,FILE,...',
    )
    groups.grids(options)
    groups.results(options)


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.analysis.conditional_samples import repeated
    from tfwolf.analysis.sampling import draw_samples
    from tfwolf.cli import opening
    from tfwolf.cli.class_choice import sampled_class
    from tfwolf.cli.conditions import chosen_conditions
    from tfwolf.cli.image_names import temperature_text
    from tfwolf.cli.sample_numbers import write_numbers
    from tfwolf.cli.sample_pictures import shown_samples
    from tfwolf.pictures.grids import marked

    temperatures = _temperatures(options)
    run = opening.open_run(options, any_values=True)
    if run.model.values.image_type.name != 'uint8':
        write_numbers(options, run)
        return
    label = sampled_class(options.label, run)
    given = chosen_conditions(options, run)
    count, condition, details = options.num_samples, None, {}
    if given:
        if not options.given('num_samples'):
            count = len(given.values) * (1 if temperatures else DRAWS)
        condition, details = repeated(given.values, count), given.details
    settings = {
        **options.chosen('temperature_v', 'temperature_z', 'temperatures', 'save'),
        'label': label,
        'num_samples': count,
        **details,
    }
    folder = opening.result_folder(options, 'sample', run, settings)
    coder = opening.coder(options, run)
    rows = temperatures or [(options.temperature_v, options.temperature_z)]
    drawn = [
        draw_samples(coder, count, options.seed, *row, label, condition=condition) for row in rows
    ]
    images, finite = (np.concatenate(parts) for parts in zip(*drawn))
    of_rows = [of_both for of_both, _ in temperatures] if temperatures else None
    title = f'samples, {temperature_text(options.temperature_v, options.temperature_z)}'
    if label is not None:
        title += f', {run.dataset.class_name(label)}'
    folder.grid('samples', *shown_samples(marked(images, finite), title, of_rows, given))
    _save(options.save, folder, images, finite)
    not_finite = np.flatnonzero(~finite).tolist()
    if not_finite:
        print(
            f'WARNING: {len(not_finite)} of {len(finite)} samples are not finite. They are crossed '
            'out in the picture, black in samples.npz, and have no PNG file. Lower temperatures '
            'give fewer.'
        )
    folder.finish(
        {
            'num_samples': len(finite),
            'num_not_finite': len(not_finite),
            'not_finite': not_finite,
            'temperatures': [
                {
                    'temperature_v': of_v,
                    'temperature_z': of_z,
                    'num_not_finite': int((~part.finite).sum()),
                }
                for (of_v, of_z), part in zip(rows, drawn)
            ],
        }
    )


def _temperatures(options: Flags) -> list[tuple[float, float]] | None:
    """Return the pairs (of v, of z) that --temperatures sets, or None."""
    values = options.numbers('temperatures', '0,0.7,1')
    if values and (options.given('temperature_v') or options.given('temperature_z')):
        raise ValueError(
            '--temperatures sets both temperatures. Leave out --temperature_v and --temperature_z.'
        )
    return [(value, value) for value in values] if values else None


def _save(save: str, folder: ResultFolder, images: np.ndarray, finite: np.ndarray) -> None:
    if save == 'npz':
        # With the keys that `--gin_param="dataset.source = 'npz:...'"` reads.
        np.savez_compressed(folder.path('samples.npz'), images=images, finite=finite)
        folder.wrote('samples.npz')
    elif save == 'png':
        folder.pictures(
            'samples', {f'{number:06}': images[number] for number in np.flatnonzero(finite)}
        )
