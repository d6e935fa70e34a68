"""Measure a density of vectors or continuous images in nats, and draw it if it is on the plane.

The density of two features is drawn as in figure 1 of Real NVP: data, their v, samples, and p(x).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfwolf.cli import groups
from tfwolf.cli.flags import Flags
from tfwolf.core.choices import SPLITS

if TYPE_CHECKING:
    import numpy as np

    from tfwolf.runs.results import ResultFolder
    from tfwolf.runs.run import Run

EXAMPLES = (
    'density --train_dir=runs/toy_checkerboard',
    'density --train_dir=runs/wine --file=new_wines.csv',
)


def define_flags(options: Flags) -> None:
    """Define the flags of this command."""
    options.group('Density')
    options.choice('split', 'test', SPLITS, 'Examples whose mean log p is measured and drawn.')
    options.integer('num_draws', 5, 'K: draws of z per example, for a model with z.', lower_bound=1)
    options.path(
        'file',
        None,
        'Also write log p of each row of this file to log_likelihood.csv: CSV, .npy or .npz.',
        'FILE',
    )
    options.integer('num_points', 4000, 'Points of the picture, at most.', lower_bound=1)
    options.integer('grid', 300, 'Cells of the picture of p(x) on each side.', lower_bound=2)
    groups.figures(options)
    groups.results(options)


def main(options: Flags) -> None:
    """Run the command."""
    from tfwolf.cli import opening
    from tfwolf.evaluation.summary import as_text

    run = opening.open_run(options, any_values=True)
    if not run.model.values.is_continuous:
        raise ValueError(
            'This run is of color values, whose probabilities are measured in bits by `tfwolf '
            f'evaluate`; `density` needs a run of continuous values. Got {run.train_dir}.'
        )
    rows = _rows(options, run) if options.file else None
    settings = options.chosen('split', 'num_draws', 'file', 'num_points', 'grid')
    folder = opening.result_folder(options, 'density', run, settings)
    result = run.evaluate(
        options.split,
        _num_draws(options, run),
        batch_size=max(options.batch_size, 256),
        evaluators=(),
    )
    print(as_text(result))
    found = {name: value for name, value in result.items() if value is not None}
    if rows is not None:
        found['file'] = _write_rows(folder, run, rows, options)
    if run.dataset.features is not None and len(run.dataset.features) == 2:
        found['probability_on_grid'] = _draw(folder, run, options)
    folder.finish(found)


def _num_draws(options: Flags, run: Run) -> int:
    """Return K; without z, p(x) is exact and needs one pass."""
    return options.num_draws if run.model.latent.has_z else 1


def _rows(options: Flags, run: Run) -> np.ndarray:
    from tfwolf.data.vector_files import read_vectors

    features = run.dataset.features
    if features is None:
        raise ValueError(f'--file needs a run of vectors; got one of {run.dataset.kind}.')
    return read_vectors(options.file, features, run.dataset.delimiter)


def _write_rows(folder: ResultFolder, run: Run, rows: np.ndarray, options: Flags) -> dict:
    """Write log p of each row of a file, and return their number and mean."""
    from tfwolf.core import files
    from tfwolf.evaluation.vector_density import log_likelihood

    values = log_likelihood(run.model, rows, _num_draws(options, run), options.seed)
    lines = ['row,log_likelihood_nats', *(f'{row},{value:.6f}' for row, value in enumerate(values))]
    files.write_text(folder.path('log_likelihood.csv'), '\n'.join(lines) + '\n')
    folder.wrote('log_likelihood.csv')
    print(f'{options.file}: {len(rows):,} rows, mean log p = {values.mean():.4f} nats')
    return {'num_rows': len(rows), 'mean_log_likelihood_nats': float(values.mean())}


def _draw(folder: ResultFolder, run: Run, options: Flags) -> float:
    """Draw the picture of a density of two features; return the sum of p(x) over its cells."""
    import numpy as np
    import tensorflow as tf

    from tfwolf.data.toy import density_of
    from tfwolf.data.vectors import as_vectors
    from tfwolf.evaluation.vector_density import encode_vectors, log_likelihood, sample_vectors
    from tfwolf.plots.density import density_figure, plane_around

    split = run.dataset.split(options.split)
    count = min(options.num_points, split.num_examples)
    data = as_vectors(split.load(tf.range(count, dtype=tf.int64))['image'].numpy())
    samples, v = sample_vectors(run.model, count, options.seed)
    plane = plane_around(data, options.grid)
    draws = _num_draws(options, run)
    log_density = log_likelihood(run.model, plane.centers, draws, options.seed)
    known = density_of(run.experiment.source)
    first, second = run.dataset.features or ('x', 'y')
    figure = density_figure(
        plane,
        data,
        encode_vectors(run.model, data),
        v,
        samples,
        log_density,
        None if known is None else known.log_density(plane.centers),
        (first, second),
    )
    folder.figure('density', figure)
    total = float(np.exp(log_density).sum() * plane.cell_area)
    print(f'The picture holds {100 * total:.2f} % of the probability of the model.')
    return total
