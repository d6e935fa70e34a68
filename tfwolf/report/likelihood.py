"""The section of the run's evaluation, which `tfwolf evaluate` or the training wrote."""

from __future__ import annotations

import shlex
from typing import Any

from tfwolf.report import findings
from tfwolf.report.page import Part
from tfwolf.training import run_directory


def evaluation_of(train_dir: str, checkpoint_sha256: str) -> dict[str, Any] | None:
    """Return the result of `tfwolf evaluate` on a checkpoint, or None."""
    result = run_directory.read_evaluation(train_dir)
    same = result is not None and result['checkpoint_sha256'] == checkpoint_sha256
    return result if same else None


def likelihood_part(train_dir: str, checkpoint_sha256: str) -> Part:
    """Return the `Part` of the run's evaluation.

    Args:
        train_dir: folder of the run.
        checkpoint_sha256: checksum of the checkpoint of the report. An evaluation of another
            checkpoint is not shown.
    """
    title, explanation = (
        'Likelihood',
        'The negative evidence lower bound of held-out images, in bits per dimension.',
    )
    again = shlex.join(['tfwolf', 'evaluate', f'--train_dir={train_dir}'])
    result = run_directory.read_evaluation(train_dir)
    if result is None:
        return Part(title, explanation, again, problem='The run has not been evaluated.')
    if result['checkpoint_sha256'] != checkpoint_sha256:
        return Part(
            title,
            explanation,
            again,
            problem='The evaluation in the folder of the run is of another checkpoint, '
            f'{result["checkpoint"]}.',
        )
    return Part(title, explanation, again, *findings.of_evaluation(result))
