"""Plots of what is in the folder of a run: curves, terms, and results of other tools."""

from __future__ import annotations

import math
import os

import numpy as np

from tfwolf.cli import opening
from tfwolf.cli.plot_context import Context
from tfwolf.core.choices import FEATURES
from tfwolf.plots.bound_terms import stacked_terms
from tfwolf.plots.curves import PANELS, learning_curves
from tfwolf.plots.frechet import distance_by_number
from tfwolf.plots.probe import probe_accuracies
from tfwolf.runs.earlier_results import earlier_results
from tfwolf.runs.run_data import read_record
from tfwolf.training.curves import read_curves
from tfwolf.training.run_directory import CURVES

TERMS = ('reconstruction_nats', 'kl_nats', 'dequantization_nats', 'dequantizer_nats')


def show_curves(context: Context) -> None:
    """Show bits/dim and terms of training and validation against the step."""
    tables = _curves(context)
    kept = {
        split: {name: table[name].tolist() for name in ('step', *PANELS) if name in table}
        for split, table in tables.items()
    }
    figure = learning_curves(tables['train'], tables['validation'])
    context.write_of_folder('curves', {'curves': figure}, {'curves': kept})


def show_terms(context: Context) -> None:
    """Show the terms of the bound of training images, stacked, against the step."""
    table = _curves(context)['train']
    steps = table['step']
    if 'nats_per_dim' in table:
        raise ValueError(
            'This run is of continuous values, whose bound is in nats and has no term of a '
            'dequantization; `curves` shows its terms.'
        )
    if missing := {*TERMS[:3]} - {*table}:
        raise ValueError(f'The curves of this run do not have {", ".join(sorted(missing))}.')
    # Rows of runs with uniform noise do not have a term of the dequantizer.
    terms = [table.get(name, np.zeros(len(steps))) for name in TERMS]
    finite = np.isfinite([steps, *terms]).all(axis=0)
    if not finite.any():
        raise ValueError('The curves of this run have no row of finite terms.')
    steps, *terms = (values[finite] for values in (steps, *terms))
    figure = stacked_terms(steps, *terms, num_dims=_num_dims(context))
    context.write_of_folder(
        'terms',
        {'terms': figure},
        {
            'num_rows_left_out': int((~finite).sum()),
            'steps': steps.tolist(),
            **{name: values.tolist() for name, values in zip(TERMS, terms)},
        },
    )


def show_probe(context: Context) -> None:
    """Show the accuracies of the last probe of this model."""
    found = [result for result in _results(context, 'probe') if result.get('features')]
    if not found:
        raise ValueError('There are no results of `tfwolf probe` on this model; run it first.')
    names = [name for name in FEATURES if name in found[0]['features']]
    of_names = [found[0]['features'][name] for name in names]
    paper = {
        name: found[0][f'paper_accuracy_{name}']
        for name in names
        if f'paper_accuracy_{name}' in found[0]
    }
    accuracies = [features['accuracy'] for features in of_names]
    intervals = [features['interval_95'] for features in of_names]
    context.write(
        'probe',
        {'probe': found[0]['made_from'], **_protocol(found[0])},
        {'probe': probe_accuracies(names, accuracies, intervals, paper)},
        {
            'features': names,
            'accuracies': accuracies,
            'intervals_95': intervals,
            'paper': paper,
            'num_test': found[0]['num_test'],
        },
    )


def show_frechet(context: Context) -> None:
    """Show the Frechet distances of this model by their number of samples."""
    found = [
        result
        for result in _results(context, 'fid')
        if 'frechet_distance' in result and not result['made_from']['images']
    ]
    if not found:
        raise ValueError('There are no results of `tfwolf fid` on this model; run it first.')
    # Of the same features, reference and temperatures as the last one.
    same = ('extractor', 'reference', 'temperature_v', 'temperature_z')
    points = {
        result['num_images']: result['frechet_distance']
        for result in reversed(found)
        if all(result.get(name) == found[0].get(name) for name in same)
    }
    counts = sorted(points)
    distances = [points[count] for count in counts]
    features = str(found[0]['made_from']['extractor'].get('name', 'features'))
    context.write(
        'frechet',
        {'fid': {name: found[0].get(name) for name in same}, 'counts': counts},
        {'frechet': distance_by_number(counts, distances, None, features)},
        {'counts': counts, 'frechet_distances': distances},
    )


def _curves(context):
    return read_curves(os.path.join(context.train_dir, CURVES))


def _num_dims(context: Context) -> int:
    """Return height * width * channels, from what the run stored of its images if it did."""
    record = read_record(context.train_dir)
    shape = None if record is None else record.image_shape
    return context.run.model.num_dims if shape is None else math.prod(shape)


def _results(context, tool):
    options, run = context.options, context.run
    # Those next to the plots are the newer ones of a report.
    places = [os.path.dirname(os.path.abspath(context.base))]
    places.append(opening.results_parent(options, run.train_dir, run.checkpoint))
    real = dict.fromkeys(map(os.path.realpath, places))
    return [found for place in real for found in earlier_results(place, tool, run.identity)]


def _protocol(result):
    return {name: result[name] for name in ('classifier', 'protocol', 'num_train', 'num_test')}
