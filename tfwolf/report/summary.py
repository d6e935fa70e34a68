"""The first screen of the report: samples, a switch and five numbers beside the paper's."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tfwolf.report import findings
from tfwolf.report.page import Row, Summary

NOT_MEASURED, NO_PAPER = 'not measured', 'none'
# (part, file of its numbers) of each number besides those of the evaluation.
PROBE, FRECHET = ('probe', 'svm-tuned'), ('fid', 'result')
PICTURES = {
    'samples': ('samples.png', 'Samples at temperature T = 1'),
    'switch': ('switch.png', 'Pairs of images A and B, and each with the z of the other'),
}


def summary_of(folder: str, evaluation: dict | None) -> Summary:
    """Return the `Summary` of what has been made so far.

    Args:
        folder: of the report.
        evaluation: the result of `tfwolf evaluate` on the checkpoint of the report, or None.
    """
    bound: dict[str, Row] = {}
    if evaluation is not None:
        first, _, kl, *_ = findings.of_evaluation(evaluation).rows
        bound = {'bits/dim': first, 'KL of z': kl}
    probe = _rows(folder, *PROBE, findings.of_probe)
    distance = _rows(folder, *FRECHET, findings.of_fid)
    numbers = {
        'bits/dim': bound.get('bits/dim'),
        'KL of z': bound.get('KL of z'),
        'Frechet distance': distance[0] if distance else None,
        **{
            f'accuracy by {code}': next(
                (row for row in probe if row.name == f'accuracy by {code}'), None
            )
            for code in ('z', 'v')
        },
    }
    rows = [
        Row(name, NOT_MEASURED) if row is None else Row(row.name, row.here, row.paper or NO_PAPER)
        for name, row in numbers.items()
    ]
    paths = [
        (os.path.join(folder, part, file), caption) for part, (file, caption) in PICTURES.items()
    ]
    return Summary([found for found in paths if os.path.exists(found[0])], rows)


def _rows(folder: str, part: str, file: str, read) -> Sequence[Row]:
    path = os.path.join(folder, part)
    return read(path).rows if os.path.exists(os.path.join(path, f'{file}.json')) else ()
