"""The section of the run's evaluation, which `tfwolf evaluate` or the training wrote."""

from __future__ import annotations

import shlex
from typing import Any

from tfwolf.report import findings
from tfwolf.report.page import Part


def of_checkpoint(evaluation: dict[str, Any] | None, checkpoint_sha256: str) -> bool:
    """Return whether an evaluation is one of a checkpoint with this checksum."""
    return evaluation is not None and evaluation['checkpoint_sha256'] == checkpoint_sha256


def likelihood_part(
    evaluation: dict[str, Any] | None, checkpoint_sha256: str, train_dir: str
) -> Part:
    """Return the `Part` of the run's evaluation.

    Args:
        evaluation: the result of `tfwolf evaluate` in the folder of the run, or None.
        checkpoint_sha256: checksum of the checkpoint of the report. An evaluation of another
            checkpoint is not shown.
        train_dir: folder of the run, for the command that evaluates it.
    """
    title, explanation = (
        'Likelihood',
        'The negative evidence lower bound of held-out images, in bits per dimension.',
    )
    again = shlex.join(['tfwolf', 'evaluate', f'--train_dir={train_dir}'])
    if evaluation is None:
        return Part(title, explanation, again, problem='The run has not been evaluated.')
    if not of_checkpoint(evaluation, checkpoint_sha256):
        return Part(
            title,
            explanation,
            again,
            problem='The evaluation in the folder of the run is of another checkpoint, '
            f'{evaluation["checkpoint"]}.',
        )
    return Part(title, explanation, again, *findings.of_evaluation(evaluation))
