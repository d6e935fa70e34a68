"""The first screen of the report: samples, a switch and five numbers beside the paper's."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from tfwolf.report import findings
from tfwolf.report.page import Row, Summary
from tfwolf.report.paper import BITS, FRECHET, accuracy_by

NOT_MEASURED, NO_PAPER = 'not measured', 'none'
# (part, file of its numbers) of each number besides those of the evaluation.
PROBE_FILE, FRECHET_FILE = ('probe', 'svm-tuned'), ('fid', 'result')
PICTURES = {
    'samples': ('samples.png', 'Samples at temperature T = 1'),
    'switch': ('switch.png', 'Pairs of images A and B, and each with the z of the other'),
}


def summary_of(folder: str, evaluation: dict | None, paper: Mapping[str, str]) -> Summary:
    """Return the `Summary` of what has been made so far.

    Args:
        folder: of the report.
        evaluation: the result of `tfwolf evaluate` on the checkpoint of the report, or None.
        paper: see `paper.paper_of`; the numbers beside what is not measured.
    """
    bound = () if evaluation is None else findings.of_evaluation(evaluation).rows
    probe = {row.name: row for row in _rows(folder, *PROBE_FILE, findings.of_probe)}
    distance = _rows(folder, *FRECHET_FILE, findings.of_fid)
    measured = {
        BITS: bound[0] if bound else None,
        'KL of z': bound[2] if bound else None,
        FRECHET: distance[0] if distance else None,
        **{accuracy_by(code): probe.get(accuracy_by(code)) for code in ('z', 'v')},
    }
    rows = [
        Row(name, NOT_MEASURED, paper.get(name, NO_PAPER))
        if row is None
        else Row(row.name, row.here, row.paper or NO_PAPER)
        for name, row in measured.items()
    ]
    paths = [
        (os.path.join(folder, part, file), caption) for part, (file, caption) in PICTURES.items()
    ]
    return Summary([found for found in paths if os.path.exists(found[0])], rows)


def _rows(folder: str, part: str, file: str, read) -> Sequence[Row]:
    path = os.path.join(folder, part)
    return read(path).rows if os.path.exists(os.path.join(path, f'{file}.json')) else ()
