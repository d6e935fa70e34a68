"""Tables and pictures of unusual images, as files and on the screen."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence

import numpy as np

from tfwolf.core.files import atomic_path
from tfwolf.evaluation.auroc import Auroc, auroc
from tfwolf.evaluation.unusual_scores import SCORES
from tfwolf.pictures.grids import to_rgb
from tfwolf.plots.anomaly import color_range, heat_over_images, score_histograms
from tfwolf.plots.labelled_grid import Labels
from tfwolf.runs.results import ResultFolder

# `{name of the set: {score: values of its images}}`.
Scores = Mapping[str, Mapping[str, np.ndarray]]


def separations(scores: Scores, usual: str, seed: int) -> dict[str, dict[str, Auroc]]:
    """Return `{set: {score: Auroc}}` of all sets against the set `usual`."""
    return {
        name: {score: auroc(scores[usual][score], values, seed) for score, values in of_set.items()}
        for name, of_set in scores.items()
        if name != usual
    }


def table(scores: Scores, found: Mapping[str, Mapping[str, Auroc]]) -> str:
    """Return lines for people: means of all scores, and how well these tell the sets apart."""
    lines = []
    for score in next(iter(scores.values())):
        lines.append(f'{score}: {SCORES[score]}')
        for name, of_set in scores.items():
            line = f'  {name:<24} mean {np.mean(of_set[score]):8.3f}'
            if name in found:
                area = found[name][score]
                line += f'   AUROC {area.value:.3f} ({area.low:.3f} to {area.high:.3f})'
            lines.append(line)
    return '\n'.join(lines)


def write_scores(
    folder: ResultFolder,
    scores: Scores,
    bits: Mapping[str, np.ndarray],
    names: Sequence[object],
) -> None:
    """Write `scores.csv`, one row for each image.

    Args:
        folder: the `ResultFolder`.
        scores: the `Scores`; the first set is that of the run.
        bits: `{set: bits of each pixel, [num_images, height, width]}`.
        names: of the images of the first set; the others are numbered.
    """
    columns = list(next(iter(scores.values())))
    with atomic_path(folder.path('scores.csv')) as path, open(path, 'w', encoding='utf-8') as file:
        rows = csv.writer(file, lineterminator='\n')
        rows.writerow(['set', 'image', *columns, 'most_unusual_row', 'most_unusual_column'])
        for number, (name, of_set) in enumerate(scores.items()):
            maps = bits[name]
            places = np.argmax(maps.reshape(len(maps), -1), axis=1)
            own = names if number == 0 else range(len(maps))
            for place, image, *values in zip(places, own, *(of_set[score] for score in columns)):
                row, column = np.unravel_index(place, maps.shape[1:])
                rows.writerow([name, image, *map(float, values), int(row), int(column)])
    folder.wrote('scores.csv')


def write_maps(folder: ResultFolder, bits: Mapping[str, np.ndarray]) -> None:
    """Write `maps.npz`: bits of each pixel, float32 `[num_images, height, width]`, of each set."""
    with atomic_path(folder.path('maps.npz')) as path, open(path, 'wb') as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            **{re.sub(r'\W+', '_', name): maps.astype(np.float32) for name, maps in bits.items()},
        )
    folder.wrote('maps.npz')


def draw_maps(
    folder: ResultFolder,
    sets: Mapping[str, np.ndarray],
    bits: Mapping[str, np.ndarray],
    num_shown: int,
) -> None:
    """Draw the first images of each set, and under each the bits of its pixels over it."""
    limits = color_range(np.concatenate([maps.reshape(-1) for maps in bits.values()]))
    count = min(num_shown, *(len(images) for images in sets.values()))
    pictures, names = [], []
    for name, images in sets.items():
        pictures += [
            to_rgb(images[:count]),
            heat_over_images(images[:count], bits[name][:count], limits),
        ]
        names += [name, f'bits, {name}']
    title = f'Colors: {limits[0]:.1f} (dark) to {limits[1]:.1f} bits (light) for a pixel'
    folder.grid('maps', np.concatenate(pictures), count, Labels(title=title, rows=names))


def draw_histograms(folder: ResultFolder, scores: Scores) -> None:
    """Draw the histogram of each score whose sets all have finite values."""
    by_score = {
        score: {name: of_set[score][np.isfinite(of_set[score])] for name, of_set in scores.items()}
        for score in next(iter(scores.values()))
    }
    drawn = {score: sets for score, sets in by_score.items() if all(map(len, sets.values()))}
    if drawn:
        folder.figure('histograms', score_histograms(drawn, SCORES))
